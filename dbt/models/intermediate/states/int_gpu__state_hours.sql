-- Every paid microsecond of every GPU in exactly one state.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_gpu__restated_dates') }}"
) }}
with
held as (
    select
        gpus.gpu_uuid,
        gpus.server_id,
        gpus.site_id,
        gpus.deployment_id,
        gpus.pool,
        gpus.hour_index,
        gpus.assigned_us,
        cast({{ int_div(
            'cast(gpus.assigned_us as ' ~ big_integer() ~ ') * states.busy_us', 'states.assigned_us'
        ) }} as bigint) as busy_us,
        cast({{ int_div(
            'cast(gpus.assigned_us as ' ~ big_integer() ~ ') * states.ready_empty_us', 'states.assigned_us'
        ) }} as bigint) as ready_empty_us
    from {{ ref('int_gpu__replica_hours') }} as gpus
    inner join {{ ref('int_replicas__state_hours') }} as states
        on gpus.replica_id = states.replica_id and gpus.hour_index = states.hour_index
    where {{ is_restated_hour('gpus.hour_index', 'int_gpu__restated_dates') }}
),

free as (
    select
        paid.gpu_uuid,
        paid.server_id,
        paid.site_id,
        paid.hour_index,
        -- A GPU held twice at once would leave less than nothing; the reconciliation must see it.
        {{ at_least_zero('paid.paid_us - coalesce(sum(held.assigned_us), 0)') }} as unallocated_us
    from {{ ref('int_gpu__paid_hours') }} as paid
    left join held on paid.gpu_uuid = held.gpu_uuid and paid.hour_index = held.hour_index
    where {{ is_restated_hour('paid.hour_index', 'int_gpu__restated_dates') }}
    group by paid.gpu_uuid, paid.server_id, paid.site_id, paid.hour_index, paid.paid_us
),

states as (
    select gpu_uuid, server_id, site_id, hour_index, deployment_id, pool, 'busy' as state, busy_us as state_us
    from held
    union all
    select gpu_uuid, server_id, site_id, hour_index, deployment_id, pool, 'ready_empty' as state, ready_empty_us
    from held
    union all
    select
        gpu_uuid, server_id, site_id, hour_index, deployment_id, pool, 'not_ready' as state,
        assigned_us - busy_us - ready_empty_us
    from held
    union all
    select
        gpu_uuid, server_id, site_id, hour_index, cast(null as string), cast(null as string), 'unallocated' as state,
        cast(unallocated_us as bigint)
    from free
)

select
    gpu_uuid,
    server_id,
    site_id,
    hour_index,
    deployment_id,
    pool,
    state,
    cast(sum(state_us) as bigint) as state_us
from states
where state_us <> 0
group by gpu_uuid, server_id, site_id, hour_index, deployment_id, pool, state
