-- When a tenant's number of running requests changes within an hour, for deployments that share their peak.
with
attempts as (
    select
        hours.deployment_id,
        hours.hour_index,
        hours.tenant_id,
        hours.service_from_us as from_us,
        hours.service_from_us + hours.service_us as to_us
    from {{ ref('int_requests__hours') }} as hours
    inner join {{ ref('int_allocation__methods') }} as methods
        on hours.deployment_id = methods.deployment_id and hours.hour_index = methods.hour_index
    where methods.method = 'shapley-peak' and hours.service_us > 0
)

select
    deployment_id,
    hour_index,
    tenant_id,
    at_us,
    sum(change) as change
from (
    select deployment_id, hour_index, tenant_id, from_us as at_us, 1 as change from attempts
    union all
    select deployment_id, hour_index, tenant_id, to_us, -1 from attempts
) as moments
group by deployment_id, hour_index, tenant_id, at_us
