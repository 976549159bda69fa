-- What a segment cost in a period, and what drove it: tokens, those of them that were computed, busy and
-- held GPU time in milliseconds.
{% set keys = ['period', 'model', 'tier', 'region'] %}
with
costs as (
    select
        period,
        model,
        tier,
        region,
        {{ known_sum('usd_units') }} as usd_units,
        {{ known_sum('base_rate_units') }} as base_rate_units,
        {{ known_sum('usd_units', "cost_kind = 'power'") }} as power_units,
        {{ known_sum('base_rate_units', "cost_kind = 'power'") }} as base_rate_power_units
    from {{ ref('int_finance__segment_costs') }}
    group by period, model, tier, region
),

held as (
    select
        dates.period,
        days.model,
        days.tier,
        days.region,
        {{ int_div('sum(days.held_us)', '1000') }} as held_ms,
        {{ int_div('sum(days.busy_us)', '1000') }} as busy_ms
    from {{ ref('int_finance__gpu_days') }} as days
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    group by 1, 2, 3, 4
),

-- What belongs to no deployment is there for all GPU-hours of its region, or of the fleet.
gpus as (
    select * from held
    union all
    select period, '(shared)', '(none)', region, sum(held_ms), cast(null as bigint)
    from held
    where region <> '(unknown)'
    group by period, region
    union all
    select period, '(shared)', '(none)', '(unknown)', sum(held_ms), cast(null as bigint)
    from held
    group by period
),

tokens as (
    select
        dates.period,
        coalesce(deployments.model, '(unknown)') as model,
        coalesce(deployments.tier, '(unknown)') as tier,
        coalesce(deployments.region, '(unknown)') as region,
        coalesce(sum(parts.input_total_tokens), 0) + coalesce(sum(parts.output_total_tokens), 0) as tokens,
        case when sum(parts.classed_count) = sum(parts.served_count) then
            coalesce(sum(parts.input_uncached_tokens), 0) + coalesce(sum(parts.output_total_tokens), 0)
        end as computed_tokens
    from {{ ref('int_costs__unit_parts') }} as parts
    inner join {{ ref('int_finance__period_dates') }} as dates on parts.event_date = dates.event_date
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on parts.deployment_id = deployments.deployment_id
    group by 1, 2, 3, 4
)

select
    costs.*,
    coalesce(tokens.tokens, 0) as tokens,
    case when tokens.period is null then 0 else tokens.computed_tokens end as computed_tokens,
    gpus.held_ms,
    gpus.busy_ms
from costs
{% for other in ['gpus', 'tokens'] -%}
left join {{ other }}
    on
        {% for key in keys -%}
        costs.{{ key }} = {{ other }}.{{ key }}{{ " and" if not loop.last }}
        {% endfor %}
{% endfor %}
