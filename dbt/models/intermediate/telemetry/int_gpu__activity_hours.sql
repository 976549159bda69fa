-- Time-weighted utilisation of a board per UTC hour: sums of millionths × microseconds.
{% set ratios = ['gpu_util_ppm', 'sm_active_ppm', 'tensor_active_ppm', 'dram_active_ppm'] %}
with
held as (
    select
        *,
        {{ held_until('sampled_us', 'next_us', 'interval_us') }} as held_to_us
    from {{ ref('int_gpu__intervals') }}
    where is_in_fleet
),

exploded as (
    select
        *,
        {{ explode_hours('sampled_us', 'held_to_us') }} as hour_index
    from held
),

weighed as (
    select
        *,
        cast(
            {{ clipped_to('held_to_us', 'hour_index') }} - {{ clipped_from('sampled_us', 'hour_index') }}
            as {{ big_integer() }}
        ) as held_us
    from exploded
)

select
    gpu_uuid,
    hour_index,
    {% for ratio in ratios -%}
    sum({{ ratio }} * held_us) as {{ ratio }}_sum,
    sum(case when {{ ratio }} is not null then held_us else 0 end) as {{ ratio }}_us{{ "," if not loop.last }}
    {% endfor %}
from weighed
group by gpu_uuid, hour_index
