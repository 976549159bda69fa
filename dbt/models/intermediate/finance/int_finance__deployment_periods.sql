-- What a deployment cost in a period, of which directly for power and for capacity, and what it did for it.
with
costs as (
    select
        dates.period,
        days.deployment_id,
        {{ known_sum('days.active_units + days.idle_units + days.overhead_units') }} as cost_units
    from {{ ref('int_costs__deployment_days') }} as days
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    where days.deployment_id is not null
    group by 1, 2
),

direct as (
    select
        dates.period,
        days.deployment_id,
        {{ known_sum('days.usd_units', "days.cost_kind = 'power'") }} as power_units,
        {{ known_sum('days.usd_units', "days.cost_kind = 'capacity'") }} as capacity_units
    from {{ ref('int_finance__ledger_days') }} as days
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    where days.deployment_id is not null
    group by 1, 2
),

gpus as (
    select
        dates.period,
        days.deployment_id,
        {{ int_div('sum(days.held_us)', '1000') }} as held_ms,
        {{ int_div('sum(days.busy_us)', '1000') }} as busy_ms
    from {{ ref('int_finance__gpu_days') }} as days
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    group by 1, 2
),

tokens as (
    select
        dates.period,
        parts.deployment_id,
        coalesce(sum(input_total_tokens), 0) as input_tokens,
        coalesce(sum(input_cache_read_tokens), 0) as cache_read_tokens,
        coalesce(sum(output_total_tokens), 0) as output_tokens,
        sum(classed_marginal_units) as marginal_units,
        coalesce(sum(marginal_input_uncached), 0) + coalesce(sum(marginal_input_cache_read), 0)
        + coalesce(sum(marginal_output_total), 0) as marginal_tokens,
        sum(list_units) as list_units
    from {{ ref('int_costs__unit_parts') }} as parts
    inner join {{ ref('int_finance__period_dates') }} as dates on parts.event_date = dates.event_date
    group by 1, 2
),

energy as (
    select
        dates.period,
        hours.deployment_id,
        {{ known_sum('hours.facility_mj') }} as facility_mj
    from {{ ref('int_energy__deployment_hours') }} as hours
    inner join {{ ref('int_finance__period_dates') }} as dates
        on {{ hour_date('hours.hour_index') }} = dates.event_date
    group by 1, 2
)

select
    costs.period,
    costs.deployment_id,
    deployments.model,
    deployments.tier,
    deployments.region,
    costs.cost_units,
    direct.power_units,
    direct.capacity_units,
    gpus.held_ms,
    gpus.busy_ms,
    coalesce(tokens.input_tokens, 0) as input_tokens,
    coalesce(tokens.cache_read_tokens, 0) as cache_read_tokens,
    coalesce(tokens.output_tokens, 0) as output_tokens,
    coalesce(tokens.input_tokens, 0) + coalesce(tokens.output_tokens, 0) as tokens,
    tokens.marginal_units,
    tokens.marginal_tokens,
    tokens.list_units,
    energy.facility_mj
from costs
inner join {{ ref('int_fleet__deployments') }} as deployments
    on costs.deployment_id = deployments.deployment_id
{% for other in ['direct', 'gpus', 'tokens', 'energy'] -%}
left join {{ other }}
    on costs.period = {{ other }}.period and costs.deployment_id = {{ other }}.deployment_id
{% endfor %}
