-- The entries with the model, tier and region that they are reported under, in whole units.
{{ config(materialized='view') }}
select
    entries.*,
    {{ hour_start('entries.hour_index') }} as hour_start,
    deployments.model,
    deployments.tier,
    coalesce(deployments.region, sites.region, entries.stated_region) as region
from {{ ref('int_costs__entries') }} as entries
left join {{ ref('int_fleet__deployments') }} as deployments
    on entries.deployment_id = deployments.deployment_id
left join {{ ref('int_fleet__sites') }} as sites on entries.site_id = sites.site_id
