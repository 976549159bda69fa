{% set measures = ['ttft', 'tpot', 'queue', 'e2e'] %}
with
requests as (
    select
        *,
        coalesce(model, '(unknown)') as model_key,
        coalesce(tier, '(unknown)') as tier_key,
        coalesce(region, '(unknown)') as region_key,
        status in ('success', 'unknown') as is_success,
        slo_ttft_seconds is not null
        or slo_tpot_seconds is not null
        or slo_e2e_seconds is not null as has_slo,
        -- An objective whose measure is unknown is not met. One that cannot apply is left out: TTFT and
        -- TPOT of an answer that was not streamed, TPOT of a single token.
        status = 'success'
        and coalesce(
            slo_ttft_seconds is null or ttft_seconds <= slo_ttft_seconds, not coalesce(is_streaming, false)
        )
        and coalesce(
            slo_tpot_seconds is null or output_total_tokens <= 1 or tpot_seconds <= slo_tpot_seconds,
            not coalesce(is_streaming, false)
        )
        and coalesce(slo_e2e_seconds is null or e2e_seconds <= slo_e2e_seconds, false) as is_within_slo
    from {{ ref('int_requests__measured') }}
    where {{ is_restated('started_date') }}
),

grouped as (
    select
        started_date as event_date,
        model_key as model,
        tier_key as tier,
        region_key as region,
        count(*) as request_count,
        count(case when status = 'success' then 1 end) as success_count,
        -- Failures and rejections stay in the denominator; what the client cancelled does not.
        count(case when has_slo and status <> 'cancelled' then 1 end) as attainment_den,
        count(case when has_slo and is_within_slo then 1 end) as attained_count,
        {% for m in measures -%}
        {% for p in [50, 90, 95, 99] -%}
        percentile_cont({{ p / 100 }}) within group (order by {{ m }}_seconds asc)
            filter (where is_success and {{ m }}_seconds is not null) as {{ m }}_p{{ p }},
        {% endfor -%}
        sum(case when is_success then {{ whole(m ~ '_seconds', 1000000000) }} end) as {{ m }}_ns,
        count(case when is_success and {{ m }}_seconds is not null then 1 end) as {{ m }}_count{{ "," if not loop.last }}
        {% endfor %}
    from requests
    group by started_date, model_key, tier_key, region_key
)

select
    event_date,
    model,
    tier,
    region,
    request_count,
    success_count,
    {{ ratio('attained_count', 'attainment_den') }} as attainment_ratio,
    attainment_den,
    case when attainment_den > 0 then attained_count / 86400e0 end as goodput_requests_per_second,
    {% for m in measures -%}
    {% for p in [50, 90, 95] -%}
    {{ m }}_p{{ p }} as {{ m }}_p{{ p }}_seconds,
    {% endfor -%}
    case when {{ m }}_count >= {{ var('p99_minimum_count') }} then {{ m }}_p99 end as {{ m }}_p99_seconds,
    {{ ratio(m ~ '_ns', m ~ '_count') }} / 1000000000e0 as {{ m }}_mean_seconds,
    {{ m }}_count,
    {{ m }}_count < {{ var('p99_minimum_count') }} as {{ m }}_is_low_n{{ "," if not loop.last }}
    {% endfor %}
from grouped
