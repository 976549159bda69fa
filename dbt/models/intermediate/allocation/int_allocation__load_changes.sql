-- When a tenant's number of running requests changes within an hour, for deployments that share their peak.
with
attempts as (
    select
        deployment_id,
        hour_index,
        tenant_id,
        service_from_us as from_us,
        service_from_us + service_us as to_us
    from {{ ref('int_allocation__special_hours') }}
    where method = 'shapley-peak' and service_us > 0
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
