{% set keys = ['event_date', 'client_region', 'region', 'model', 'tier'] %}
with
requests as (
    select
        event_date,
        coalesce(client_region, '(unknown)') as client_region,
        coalesce(region, '(unknown)') as region,
        coalesce(model, '(unknown)') as model,
        coalesce(tier, '(unknown)') as tier,
        status in ('success', 'unknown') as is_answered,
        output_total_tokens,
        ttft_seconds,
        e2e_seconds,
        {{ money_units('cost_fully_loaded_usd') }} as loaded_units
    from {{ ref('fct_requests') }}
    where {{ is_restated('event_date') }}
),

grouped as (
    select
        {{ keys | join(', ') }},
        count(*) as request_count,
        cast(sum(case when is_answered then output_total_tokens end) as bigint) as output_total_tokens,
        {% for m in ['ttft', 'e2e'] -%}
        {% for p in [50, 95] -%}
        {{ percentile_of_answered(m, p) }} as {{ m }}_p{{ p }}_seconds,
        {% endfor -%}
        count(case when is_answered and {{ m }}_seconds is not null then 1 end) as {{ m }}_count,
        {% endfor -%}
        count(loaded_units) as costed_count,
        sum(loaded_units) as loaded_units
    from requests
    group by {{ keys | join(', ') }}
)

select
    {{ keys | join(', ') }},
    case
        when client_region = '(unknown)' or region = '(unknown)' then null
        else client_region = region
    end as is_served_at_home,
    request_count,
    output_total_tokens,
    {% for m in ['ttft', 'e2e'] -%}
    {{ m }}_p50_seconds,
    {{ m }}_p95_seconds,
    {{ m }}_count,
    {% endfor -%}
    {{ money('loaded_units') }} as cost_fully_loaded_usd,
    {{ ratio('costed_count', 'request_count') }} as cost_coverage_ratio
from grouped
