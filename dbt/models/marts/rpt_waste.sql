-- Dollars come from the ledger, tokens from the log or the engine; a cause that only one of them knows has
-- null for the other.
{% set keys = ['event_date', 'cause', 'model', 'tier', 'region'] %}
with
costs as (
    select
        event_date,
        case when category = 'waste' then coalesce(cause, '(unknown)') end as cause,
        coalesce(model, '(unknown)') as model,
        coalesce(tier, '(unknown)') as tier,
        coalesce(region, '(unknown)') as region,
        {{ known_sum('usd_units') }} as usd_units
    from {{ ref('int_finance__ledger_days') }}
    where category in ('served', 'waste') and {{ is_restated('event_date') }}
    group by 1, 2, 3, 4, 5
),

busy as (
    select
        event_date,
        model,
        tier,
        region,
        {{ known_sum('usd_units') }} as busy_units
    from costs
    group by event_date, model, tier, region
),

attempts as (
    select
        {{ hour_date('hour_index') }} as event_date,
        coalesce(cause, '(unknown)') as cause,
        deployment_id,
        count(distinct emitter || ' ' || request_id) as attempt_count,
        sum(input_total_tokens) as input_total_tokens,
        sum(output_total_tokens) as output_total_tokens
    from {{ ref('int_requests__hours') }}
    where
        not is_served
        and {{ is_restated_hour('hour_index') }}
        and {{ may_run_in('started_date', 'int_books__restated_dates') }}
    group by 1, 2, 3
),

engine as (
    select
        event_date,
        deployment_id,
        sum(engine_preemptions) as preemptions,
        -- Accepted drafts are output; the rest was computed for nothing.
        sum({{ at_least_zero('engine_spec_draft_tokens - engine_spec_accepted_tokens') }})
            as rejected_draft_tokens
    from {{ ref('int_deployments__hours') }}
    where {{ is_restated('event_date') }}
    group by event_date, deployment_id
),

known as (
    select
        event_date, cause, deployment_id, attempt_count, input_total_tokens, output_total_tokens,
        cast(null as bigint) as draft_tokens
    from attempts
    union all
    select event_date, 'preempted', deployment_id, preemptions, null, null, null
    from engine
    where preemptions > 0
    union all
    select event_date, 'rejected_drafts', deployment_id, null, null, null, rejected_draft_tokens
    from engine
    where rejected_draft_tokens > 0
),

counts as (
    select
        known.event_date,
        known.cause,
        coalesce(deployments.model, '(unknown)') as model,
        coalesce(deployments.tier, '(unknown)') as tier,
        coalesce(deployments.region, '(unknown)') as region,
        cast(sum(known.attempt_count) as bigint) as event_count,
        cast(sum(known.input_total_tokens) as bigint) as input_total_tokens,
        cast(sum(known.output_total_tokens) as bigint) as output_total_tokens,
        cast(sum(known.draft_tokens) as bigint) as draft_tokens
    from known
    left join {{ ref('int_fleet__deployments') }} as deployments
        on known.deployment_id = deployments.deployment_id
    group by 1, 2, 3, 4, 5
),

joined as (
    select
        {% for key in keys -%}
        coalesce(counts.{{ key }}, costs.{{ key }}) as {{ key }},
        {% endfor -%}
        {{ all_but(keys, 'counts') }},
        costs.usd_units
    from counts
    full outer join (select * from costs where cause is not null) as costs
        on
            {% for key in keys -%}
            counts.{{ key }} = costs.{{ key }}{{ " and" if not loop.last }}
            {% endfor %}
)

select
    {% for key in keys -%}
    joined.{{ key }},
    {% endfor -%}
    joined.event_count,
    joined.input_total_tokens,
    joined.output_total_tokens,
    joined.draft_tokens,
    {{ money('joined.usd_units') }} as cost_usd,
    {{ ratio('joined.usd_units', 'busy.busy_units') }} as busy_cost_share_ratio
from joined
left join busy
    on
        joined.event_date = busy.event_date
        and joined.model = busy.model
        and joined.tier = busy.tier
        and joined.region = busy.region
