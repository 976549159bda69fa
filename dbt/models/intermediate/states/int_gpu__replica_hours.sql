-- GPU × replica × UTC hour with the time for which the replica holds the GPU (E10, E12); of a slice of it its
-- share of that time (E8). Slices that are larger in memory than in compute may add up to more than the GPU:
-- then they share it.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_gpu__restated_dates') }}"
) }}
with
bounded as (
    select
        replicas.replica_id,
        replicas.deployment_id,
        replicas.gpu_uuid,
        replicas.server_id,
        replicas.site_id,
        replicas.pool,
        replicas.share_ppm,
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
),

held as (
    select
        replica_id,
        deployment_id,
        gpu_uuid,
        server_id,
        site_id,
        pool,
        hour_index,
        min({{ clipped_from('from_us', 'hour_index') }}) as held_from_us,
        max({{ clipped_to('to_us', 'hour_index') }}) as held_to_us,
        bool_or(share_ppm is not null) as is_slice,
        cast(sum({{ int_div(
            '(' ~ clipped_to('to_us', 'hour_index') ~ ' - ' ~ clipped_from('from_us', 'hour_index')
            ~ ') * coalesce(share_ppm, 1000000)', '1000000'
        ) }}) as bigint) as assigned_us
    from exploded
    where {{ is_restated_hour('hour_index', 'int_gpu__restated_dates') }}
    group by replica_id, deployment_id, gpu_uuid, server_id, site_id, pool, hour_index
),

shared as (
    select
        held.*,
        sum(held.assigned_us) over (partition by held.gpu_uuid, held.hour_index) as all_us,
        paid.paid_us
    from held
    left join {{ ref('int_gpu__paid_hours') }} as paid
        on held.gpu_uuid = paid.gpu_uuid and held.hour_index = paid.hour_index
)

select
    {{ all_but(['assigned_us', 'all_us', 'paid_us', 'is_slice']) }},
    -- A GPU that two replicas hold whole at once stays too much: the reconciliation must see it.
    case
        when is_slice and all_us > paid_us
            then cast({{ int_div('cast(assigned_us as ' ~ big_integer() ~ ') * paid_us', 'all_us') }} as bigint)
        else assigned_us
    end as assigned_us
from shared
