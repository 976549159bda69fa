{% set keys = ['event_date', 'client_region', 'region', 'model', 'tier'] %}
with
-- When others saw the first token of the same call: another emitter with its id, or the span around it.
-- Each reckons from its own start, so no clock is held against another.
others as (
    select own.emitter, own.request_id, own.started_date, other.ttft_seconds
    from {{ ref('int_requests__sightings') }} as own
    inner join {{ ref('int_requests__sightings') }} as other
        on own.request_id = other.request_id and own.emitter <> other.emitter
    where
        not other.is_outer
        and length(own.request_id) >= 16
        -- The same id an hour later is another call.
        and abs({{ epoch_us('other.started_at') }} - {{ epoch_us('own.started_at') }}) <= {{ hour_us() }}
    union all
    select own.emitter, own.request_id, own.started_date, around.ttft_seconds
    from {{ ref('int_requests__sightings') }} as own
    inner join {{ ref('int_requests__sightings') }} as around
        on own.trace_id = around.trace_id and own.parent_span_id = around.span_id
),

seen as (
    select
        emitter,
        request_id,
        started_date,
        min(ttft_seconds) as least_ttft_seconds,
        max(ttft_seconds) as most_ttft_seconds
    from others
    where ttft_seconds is not null and {{ is_restated('started_date') }}
    group by emitter, request_id, started_date
),

requests as (
    select
        attempts.event_date,
        coalesce(client_region, '(unknown)') as client_region,
        coalesce(region, '(unknown)') as region,
        coalesce(model, '(unknown)') as model,
        coalesce(tier, '(unknown)') as tier,
        {{ answered_and_begun() }},
        output_total_tokens,
        ttft_seconds,
        case when ttft_seconds is not null and seen.most_ttft_seconds is not null then
            greatest(ttft_seconds, seen.most_ttft_seconds) - least(ttft_seconds, seen.least_ttft_seconds)
        end as ttft_added_seconds,
        e2e_seconds,
        {{ money_units('cost_fully_loaded_usd') }} as loaded_units
    from {{ ref('fct_requests') }} as attempts
    left join seen
        on
            attempts.emitter = seen.emitter
            and attempts.request_id = seen.request_id
            and attempts.event_date = seen.started_date
    where {{ is_restated('attempts.event_date') }}
),

grouped as (
    select
        {{ keys | join(', ') }},
        count(*) as request_count,
        cast(sum(case when is_answered then output_total_tokens end) as bigint) as output_total_tokens,
        {% for m in ['ttft', 'ttft_added', 'e2e'] -%}
        {% for p in [50, 95] -%}
        {{ percentile_of_attempts(m, p) }} as {{ m }}_p{{ p }}_seconds,
        {% endfor -%}
        count(case when {{ has_latency(m) }} then 1 end) as {{ m }}_count,
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
    {% for m in ['ttft', 'ttft_added', 'e2e'] -%}
    {{ m }}_p50_seconds,
    {{ m }}_p95_seconds,
    {{ m }}_count,
    {% endfor -%}
    {{ money('loaded_units') }} as cost_fully_loaded_usd,
    {{ ratio('costed_count', 'request_count') }} as cost_coverage_ratio
from grouped
