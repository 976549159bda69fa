-- The ledger per UTC day without bills and hours: what the marts of finance sum, so that a new
-- day costs them a day. Power is what a tariff prices, capacity everything else.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
select
    event_date,
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
    sum(cost_units) as cost_units,
    {{ known_sum('usd_units') }} as usd_units,
    sum(case when is_accrued then cost_units else 0 end) as accrued_units
from {{ ref('int_costs__ledger') }}
where {{ is_restated('event_date') }}
group by
    event_date, currency, category, cause, deployment_id, tenant_id, model, tier, region, cost_kind
