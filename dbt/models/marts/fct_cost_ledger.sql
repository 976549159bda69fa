select
    bill_id,
    charge_line_id,
    hour_start,
    category,
    cause,
    deployment_id,
    pool,
    tenant_id,
    event_date,
    cost_source,
    component,
    model,
    tier,
    site_id,
    region,
    currency,
    {{ money('cost_units') }} as cost,
    {{ money('usd_units') }} as cost_usd,
    allocation_method,
    is_accrued,
    fx_rate_date
from {{ ref('int_costs__ledger') }}
where {{ is_restated('event_date') }}
