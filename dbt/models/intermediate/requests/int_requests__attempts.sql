-- One row per attempt of the dates whose attempts are made again, resolved to replica and deployment.
{{ config(materialized='view') }}
with
attempts as (
    select
        *,
        {{ epoch_us('started_at') }} as started_us
    from ({{ seen_attempts('int_requests__restated_dates') }}) as seen
),

endpoints as (
    select * from {{ ref('int_fleet__endpoints') }}
),

deployments as (
    select * from {{ ref('int_fleet__deployments') }}
),

deployment_keys as (
    select deployment_key as deployment_name, min(deployment_id) as deployment_id
    from deployments
    where deployment_key is not null
    group by deployment_key
),

placed as (
    select
        attempts.*,
        endpoints.replica_id,
        coalesce(endpoints.deployment_id, deployment_keys.deployment_id) as deployment_id
    from attempts
    left join endpoints
        on
            lower(attempts.endpoint) = endpoints.endpoint_name
            and attempts.started_us >= endpoints.valid_from_us
            and attempts.started_us < endpoints.valid_to_us
    left join deployment_keys on attempts.deployment_key = deployment_keys.deployment_name
)

select
    {{ all_but(['model_served', 'region'], 'placed') }},
    coalesce(deployments.model, placed.model_served, placed.model_requested) as model,
    placed.model_served,
    deployments.tier,
    coalesce(deployments.region, placed.region) as region
from placed
left join deployments on placed.deployment_id = deployments.deployment_id
