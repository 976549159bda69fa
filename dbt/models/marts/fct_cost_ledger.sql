select
    entries.bill_id,
    entries.charge_line_id,
    {{ hour_start('entries.hour_index') }} as hour_start,
    entries.category,
    entries.cause,
    entries.deployment_id,
    entries.pool,
    entries.tenant_id,
    entries.event_date,
    entries.cost_source,
    entries.component,
    deployments.model,
    deployments.tier,
    entries.site_id,
    coalesce(deployments.region, sites.region, entries.stated_region) as region,
    entries.currency,
    {{ money('entries.cost_units') }} as cost,
    {{ money('entries.usd_units') }} as cost_usd,
    entries.allocation_method,
    entries.is_accrued,
    entries.fx_rate_date
from {{ ref('int_costs__entries') }} as entries
left join {{ ref('int_fleet__deployments') }} as deployments
    on entries.deployment_id = deployments.deployment_id
left join {{ ref('int_fleet__sites') }} as sites on entries.site_id = sites.site_id
where {{ is_restated('entries.event_date') }}
