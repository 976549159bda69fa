-- How full the batches of a busy hour were, in millionths of the largest that the deployment allows, where
-- fleet.yaml asks for headroom as idle: by the engine's gauge, else by Little's law on the log.
with
hours as (
    select
        gpus.deployment_id,
        gpus.hour_index,
        engine.running_sum,
        engine.gauge_busy_us,
        gpus.replica_busy_us,
        requests.service_us,
        deployments.max_num_seqs
    from {{ ref('int_deployments__gpu_hours') }} as gpus
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on gpus.deployment_id = deployments.deployment_id
    inner join {{ ref('int_fleet__allocations') }} as allocations
        on
            gpus.deployment_id = allocations.deployment_id
            and allocations.headroom = 'idle'
            and gpus.hour_index * {{ hour_us() }} >= allocations.valid_from_us
            and gpus.hour_index * {{ hour_us() }} < allocations.valid_to_us
    left join {{ ref('int_deployments__engine_hours') }} as engine
        on gpus.deployment_id = engine.deployment_id and gpus.hour_index = engine.hour_index
    left join {{ ref('int_deployments__request_hours') }} as requests
        on gpus.deployment_id = requests.deployment_id and gpus.hour_index = requests.hour_index
)

select
    deployment_id,
    hour_index,
    cast(least(1000000, coalesce(
        {{ int_div(
            'cast(running_sum as ' ~ big_integer() ~ ') * 1000', 'nullif(gauge_busy_us, 0) * max_num_seqs'
        ) }},
        {{ int_div(
            'cast(service_us as ' ~ big_integer() ~ ') * 1000000', 'nullif(replica_busy_us, 0) * max_num_seqs'
        ) }}
    )) as bigint) as fill_ppm
from hours
where coalesce(gauge_busy_us, replica_busy_us) > 0
