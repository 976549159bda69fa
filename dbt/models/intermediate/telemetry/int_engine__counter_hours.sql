-- Counter gains per replica and UTC hour; a gain across a boundary or a gap is spread uniformly.
{% set counters = engine_counters() %}
with
exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from {{ ref('int_engine__increases') }}
),

clipped as (
    select
        *,
        {{ clipped_from('from_us', 'hour_index') }} - from_us as elapsed_from,
        {{ clipped_to('to_us', 'hour_index') }} - from_us as elapsed_to,
        to_us - from_us as length_us
    from exploded
)

select
    replica_id,
    deployment_id,
    hour_index,
    -- Engines that tell FLOPs and bytes: each tells them per GPU of its own.
    count(distinct case when gflops_per_gpu is not null then instance || ' ' || engine_index end)
        as estimating_engines,
    {% for counter in counters -%}
    cast(sum({{ part_of(counter, 'elapsed_from', 'elapsed_to', 'length_us') }}) as bigint)
        as {{ counter }}{{ "," if not loop.last }}
    {% endfor %}
from clipped
group by replica_id, deployment_id, hour_index
