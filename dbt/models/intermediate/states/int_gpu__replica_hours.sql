-- GPU × replica × UTC hour with the time for which the replica holds the GPU (E10, E12).
with
bounded as (
    select
        replicas.replica_id,
        replicas.deployment_id,
        replicas.gpu_uuid,
        replicas.server_id,
        replicas.site_id,
        greatest(replicas.valid_from_us, observed.window_from_us) as from_us,
        least(replicas.valid_to_us, observed.window_to_us) as to_us
    from {{ ref('int_fleet__replica_gpus') }} as replicas
    cross join {{ ref('int_fleet__window') }} as observed
    where observed.window_from_us is not null
),

exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from bounded
    where from_us < to_us
)

select
    replica_id,
    deployment_id,
    gpu_uuid,
    server_id,
    site_id,
    hour_index,
    min({{ clipped_from('from_us', 'hour_index') }}) as held_from_us,
    max({{ clipped_to('to_us', 'hour_index') }}) as held_to_us,
    cast(sum(
        {{ clipped_to('to_us', 'hour_index') }} - {{ clipped_from('from_us', 'hour_index') }}
    ) as bigint) as assigned_us
from exploded
group by replica_id, deployment_id, gpu_uuid, server_id, site_id, hour_index
