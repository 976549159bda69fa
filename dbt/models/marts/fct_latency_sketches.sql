{% set keys = ['model', 'tier', 'region', 'is_streaming'] %}
with
measured as (
    {% for m in sketched_measures() -%}
    select
        hour_index,
        {{ keys | join(', ') }},
        '{{ m }}' as measure,
        {{ sketch_bucket(m ~ '_seconds') }} as bucket
    from {{ ref('int_latency__attempts') }}
    where
        {{ has_latency(m) }}
        and {{ is_restated('started_date') }}
    {{ "union all" if not loop.last }}
    {% endfor -%}
),

counted as (
    select
        hour_index,
        {{ keys | join(', ') }},
        measure,
        bucket,
        count(*) as observation_count
    from measured
    group by hour_index, {{ keys | join(', ') }}, measure, bucket
)

select
    {{ hour_start('hour_index') }} as hour_start,
    {{ hour_date('hour_index') }} as event_date,
    {{ keys | join(', ') }},
    measure,
    bucket,
    {{ sketch_value('bucket') }} as value_seconds,
    observation_count
from counted
