with
replicas as (
    select * from {{ ref('stg_lake__fleet_replicas') }}
    qualify row_number() over (
        partition by replica_id, gpu_uuid, valid_from
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

gpus as (
    select * from {{ ref('int_fleet__gpus') }}
),

deployments as (
    select * from {{ ref('int_fleet__deployments') }}
)

select
    replicas.replica_id,
    replicas.deployment_id,
    replicas.gpu_uuid,
    lower(replicas.endpoint) as endpoint,
    coalesce(replicas.role, 'unified') as pool,
    -- A slice of the GPU in millionths (E8); null holds all of it.
    {{ whole('replicas.gpu_share_ratio', 1000000) }} as share_ppm,
    replicas.mig_profile,
    gpus.server_id,
    gpus.site_id,
    deployments.model,
    deployments.tier,
    deployments.region,
    greatest({{ epoch_us('replicas.valid_from') }}, gpus.valid_from_us) as valid_from_us,
    least(
        coalesce({{ epoch_us('replicas.valid_to') }}, {{ forever_us() }}), gpus.valid_to_us
    ) as valid_to_us
from replicas
inner join gpus on replicas.gpu_uuid = gpus.gpu_uuid
inner join deployments on replicas.deployment_id = deployments.deployment_id
