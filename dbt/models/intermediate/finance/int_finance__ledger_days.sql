-- The ledger per UTC day without bills and hours: what the monthly marts of finance sum, so that a new
-- day costs them a day. Power is what a tariff prices, capacity everything else.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
select
    event_date,
    {{ year_month('event_date') }} as month,
    currency,
    category,
    cause,
    deployment_id,
    tenant_id,
    model,
    tier,
    region,
    case
        when component in ('electricity', 'cooling', 'demand') then 'power'
        else 'capacity'
    end as cost_kind,
    sum({{ money_units('cost') }}) as cost_units,
    {{ known_sum(money_units('cost_usd')) }} as usd_units,
    sum(case when is_accrued then {{ money_units('cost') }} else 0 end) as accrued_units
from {{ ref('fct_cost_ledger') }}
where {{ is_restated('event_date') }}
group by
    event_date, month, currency, category, cause, deployment_id, tenant_id, model, tier, region, cost_kind
