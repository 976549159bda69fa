-- Deployments whose requests and engines tell of different tokens in an hour, and those that were idle beyond
-- their limit on a day.
{{ config(materialized='view') }}
with
clocks as (
    select deployment_id, sum(relative_count) > 0 as is_relative
    from {{ ref('int_deployments__hours') }}
    group by deployment_id
),

-- Requests whose clock is no clock lie in other hours than their tokens in the engine: all in one span.
spans as (
    select
        hours.*,
        case when clocks.is_relative then 0 else hours.hour_index end as span
    from {{ ref('int_deployments__hours') }} as hours
    inner join clocks on hours.deployment_id = clocks.deployment_id
),

counted as (
    {% for kind in ['input', 'output'] -%}
    select
        deployment_id,
        span,
        '{{ kind }}' as kind,
        min(event_date) as event_date,
        coalesce(min(case when engine_{{ kind }}_tokens > 0 then hour_index end), min(hour_index)) as hour_index,
        cast(sum(engine_{{ kind }}_tokens) as bigint) as engine_tokens,
        -- What failed or was cancelled may have reached the engine, in part or not at all: nothing is amiss
        -- between the tokens that were served and all of them.
        cast(least(
            greatest(sum(engine_{{ kind }}_tokens), coalesce(sum({{ kind }}_served_tokens), 0)),
            coalesce(sum({{ kind }}_total_tokens), 0)
        ) as bigint) as log_tokens,
        sum(request_count) as request_count
    from spans
    group by deployment_id, span
    having sum(engine_{{ kind }}_tokens) is not null
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- How many requests the tokens stand for, by those of the day: an hour with few of them proves nothing.
coverage_days as (
    select
        *,
        {{ ratio(
            'greatest(engine_tokens, log_tokens) * sum(request_count) over (partition by event_date, deployment_id, kind)',
            'sum(log_tokens) over (partition by event_date, deployment_id, kind)'
        ) }} as call_count
    from counted
),

coverage as (
    select
        event_date,
        'telemetry_coverage' as alarm,
        deployment_id as subject,
        case
            when engine_tokens > log_tokens then 'requests lack ' || kind || ' tokens that the engines counted'
            else 'engines lack ' || kind || ' tokens that the requests hold'
        end as cause,
        min(hour_index) * {{ hour_us() }} as since_us,
        count(*) as occurrence_count,
        cast(greatest(sum(engine_tokens), sum(log_tokens)) as double) as expected,
        cast(least(sum(engine_tokens), sum(log_tokens)) as double) as actual,
        kind || ' tokens' as unit,
        'select hour_start, request_count, input_total_tokens, engine_input_tokens, output_total_tokens, '
        || 'engine_output_tokens from fct_deployment_hours'
        || {{ of_deployment_day('deployment_id', 'event_date') }} as query
    from coverage_days
    where
        abs(engine_tokens - log_tokens)
        > {{ var('coverage_limit_ratio') }} * greatest(engine_tokens, log_tokens)
        and coalesce(call_count >= {{ var('p95_minimum_count') }}, true)
    group by event_date, deployment_id, kind, engine_tokens > log_tokens
),

idle as (
    select
        hours.event_date,
        hours.deployment_id,
        min(hours.hour_index) * {{ hour_us() }} as since_us,
        count(*) as occurrence_count,
        coalesce(
            max(deployments.idle_limit_ppm), {{ whole(var('idle_limit_ratio'), 1000000) }}
        ) / 1e6 as expected,
        {{ ratio('sum(hours.assigned_us - hours.busy_us)', 'sum(hours.assigned_us)') }} as actual
    from {{ ref('int_deployments__hours') }} as hours
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on hours.deployment_id = deployments.deployment_id
    group by hours.event_date, hours.deployment_id
)

select * from coverage
union all
select
    event_date,
    'idle_share',
    deployment_id,
    'held GPUs were idle beyond the limit',
    since_us, occurrence_count, expected, actual,
    'share of held GPU time',
    'select hour_start, gpu_hours_assigned, gpu_hours_busy, request_count from fct_deployment_hours'
    || {{ of_deployment_day('deployment_id', 'event_date') }}
from idle
where actual > expected
