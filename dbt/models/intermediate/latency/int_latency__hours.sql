-- 95th percentiles of each hour over all tenants: what an hour is held against in later weeks.
{{ config(materialized='incremental', pre_hook="{{ forget_restated('event_date') }}") }}
select
    {{ hour_date('hour_index') }} as event_date,
    hour_index,
    model,
    tier,
    region,
    {% for m in ['ttft', 'tpot', 'e2e'] -%}
    {{ percentile_of_attempts(m, 95) }} as {{ m }}_p95_seconds,
    count(case when {{ has_latency(m) }} then 1 end) as {{ m }}_count{{ "," if not loop.last }}
    {% endfor %}
from {{ ref('int_latency__attempts') }}
where {{ is_restated('started_date') }}
group by hour_index, model, tier, region
