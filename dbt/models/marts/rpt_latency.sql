{% set measures = latency_measures() %}
with
grouped as (
    select
        started_date as event_date,
        model,
        tier,
        region,
        {{ counted_attempts() }},
        {% for m in measures -%}
        {% for p in [50, 90, 95, 99] -%}
        {{ percentile_of_attempts(m, p) }} as {{ m }}_p{{ p }},
        {% endfor -%}
        sum(case when {{ has_latency(m) }} then {{ whole(m ~ '_seconds', 1000000000) }} end) as {{ m }}_ns,
        count(case when {{ has_latency(m) }} then 1 end) as {{ m }}_count{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_latency__attempts') }}
    where {{ is_restated('started_date') }}
    group by started_date, model, tier, region
)

select
    event_date,
    model,
    tier,
    region,
    {{ attempt_counts() }},
    case when attainment_den > 0 then attained_count / 86400e0 end as goodput_requests_per_second,
    {% for m in measures -%}
    {% for p in [50, 90, 95] -%}
    {{ m }}_p{{ p }} as {{ m }}_p{{ p }}_seconds,
    {% endfor -%}
    case when {{ m }}_count >= {{ var('p99_minimum_count') }} then {{ m }}_p99 end as {{ m }}_p99_seconds,
    {{ ratio(m ~ '_ns', m ~ '_count') }} / 1000000000e0 as {{ m }}_mean_seconds,
    {{ m }}_count,
    {{ m }}_count < {{ var('p99_minimum_count') }} as {{ m }}_is_low_n,
    {% endfor -%}
    -- The slower half of the answers is no faster than this, and the slowest tenth: 1 / TPOT.
    1e0 / nullif(tpot_p50, 0) as interactivity_p50_tokens_per_second,
    1e0 / nullif(tpot_p90, 0) as interactivity_p10_tokens_per_second
from grouped
