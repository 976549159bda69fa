-- GPU time of a deployment's day: busy, and ready to be. What makes fully loaded cost more than active.
select
    deployment_id,
    event_date,
    cast(sum(busy_us) as bigint) as busy_us,
    cast(sum(assigned_us - not_ready_us) as bigint) as ready_us
from {{ ref('int_deployments__hours') }}
group by deployment_id, event_date
