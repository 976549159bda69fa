-- What each tenant's requests weigh in a deployment's hour, served and wasted apart.
select
    deployment_id,
    hour_index,
    tenant_id,
    case when is_served then 'served' else 'waste' end as category,
    cause,
    sum(weight) as weight
from {{ ref('int_requests__hours') }}
where weight > 0
group by deployment_id, hour_index, tenant_id, is_served, cause
