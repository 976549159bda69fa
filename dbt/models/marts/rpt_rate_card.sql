{{ config(materialized='table') }}
{% set classes = {
    'input_uncached': ('input', 'input_uncached'),
    'input_cache_read': ('cache_read', 'input_cache_read'),
    'output': ('output', 'output_total'),
} %}
{% set bases = {'marginal': 'marginal', 'active': 'costed', 'list': 'listed', 'contract': 'contracted'} %}
with
parts as (
    select
        parts.*,
        dates.period,
        {% for class, (cost, tokens) in classes.items() -%}
        {{ dollars_at('parts.' ~ tokens ~ '_tokens', 'contracts.' ~ class, 'contracts.rate_units') }}
            as contract_{{ cost }}_units,
        case when contracts.rate_units is not null then parts.{{ tokens }}_tokens end
            as contracted_{{ tokens }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_costs__unit_parts') }} as parts
    inner join {{ ref('int_finance__period_dates') }} as dates on parts.event_date = dates.event_date
    left join {{ ref('int_prices__contracts') }} as contracts
        on
            parts.event_date = contracts.started_date
            and parts.tenant_id = contracts.tenant_id
            and parts.model = contracts.model
),

tenants as (
    {% for class, (cost, tokens) in classes.items() -%}
    select
        period,
        tenant_id,
        model,
        tier,
        region,
        '{{ class }}' as token_class,
        sum({{ tokens }}_tokens) as tokens,
        {% for basis, known in bases.items() -%}
        sum({{ known }}_{{ tokens }}) as {{ basis }}_tokens,
        sum({{ basis }}_{{ cost }}_units) as {{ basis }}_units{{ "," if not loop.last }}
        {% endfor %}
    from parts
    group by period, tenant_id, model, tier, region
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- What a dollar of active cost comes to with the idle and overhead of its segment.
segments as (
    select
        dates.period,
        coalesce(deployments.model, '(unknown)') as model,
        coalesce(deployments.tier, '(unknown)') as tier,
        coalesce(deployments.region, '(unknown)') as region,
        {{ known_sum('days.active_units') }} as active_units,
        {{ known_sum('days.active_units + days.idle_units + days.overhead_units') }} as loaded_units
    from {{ ref('int_costs__deployment_days') }} as days
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    left join {{ ref('int_fleet__deployments') }} as deployments
        on days.deployment_id = deployments.deployment_id
    group by 1, 2, 3, 4
),

charged as (
    select
        period,
        tenant_id,
        {{ known_sum('usd_units') }} as charged_units
    from {{ ref('int_finance__chargeback_cells') }}
    where line_kind in ('tenant', 'no_tenant')
    group by period, tenant_id
),

active as (
    select period, tenant_id, sum(active_units) as all_active_units
    from tenants
    group by period, tenant_id
)

select
    periods.calendar,
    periods.period_name as period,
    periods.first_date as period_start,
    periods.month,
    tenants.tenant_id,
    tenants.model,
    tenants.tier,
    tenants.region,
    tenants.token_class,
    cast(tenants.tokens as bigint) as token_count,
    {% for basis in bases -%}
    {{ ratio('tenants.' ~ basis ~ '_units', 'tenants.' ~ basis ~ '_tokens') }} / 1e6 as usd_per_m_{{ basis }},
    {% endfor -%}
    {{ ratio('tenants.active_units', 'tenants.active_tokens') }} / 1e6
    * {{ ratio('segments.loaded_units', 'segments.active_units') }} as usd_per_m_fully_loaded,
    {{ ratio('tenants.active_units', 'tenants.active_tokens') }} / 1e6
    * {{ ratio('charged.charged_units', 'active.all_active_units') }} as usd_per_m_charged
from tenants
inner join {{ ref('int_finance__periods') }} as periods on tenants.period = periods.period
left join segments
    on
        tenants.period = segments.period
        and tenants.model = segments.model
        and tenants.tier = segments.tier
        and tenants.region = segments.region
left join charged
    on tenants.period = charged.period and tenants.tenant_id is not distinct from charged.tenant_id
left join active
    on tenants.period = active.period and tenants.tenant_id is not distinct from active.tenant_id
where tenants.tokens > 0
