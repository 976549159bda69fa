-- Replica × UTC hour of the dates that are made again, and what its busy time is measured from.
with
reached as (
    select
        *,
        {{ reached_over('replica_id, hour_index') }} as reached_us
    from (
        select *, held_from_us as from_us, held_to_us as to_us
        from {{ ref('int_gpu__replica_hours') }}
        where {{ is_hour_made_again('hour_index', 'int_gpu__restated_dates') }}
    ) as held
),

replicas as (
    select
        replica_id,
        deployment_id,
        hour_index,
        min(from_us) as held_from_us,
        max(to_us) as held_to_us,
        -- A GPU swapped within the hour (E29) makes neither a longer hour nor a larger replica.
        cast({{ union_length() }} as bigint) as assigned_us,
        sum(assigned_us) as gpu_us
    from reached
    group by replica_id, deployment_id, hour_index
),

gauges as (
    select * from {{ ref('int_engine__gauge_hours') }}
)

select
    {{ all_but(['gpu_us'], 'replicas') }},
    -- A number for the replica-hour: intervals are sorted by it in half the time that its id takes.
    dense_rank() over (order by replicas.replica_id asc, replicas.hour_index asc) as lane,
    {{ int_div('replicas.gpu_us + replicas.assigned_us - 1', 'replicas.assigned_us') }} as gpu_count,
    coalesce(gauges.scrape_count, 0) as scrape_count,
    coalesce(
        gauges.scrape_count >= {{ var('gauge_samples_per_hour') }} and gauges.running_us > 0, false
    ) as is_gauged,
    least(coalesce(gauges.running_us, 0), replicas.assigned_us) as covered_us
from replicas
left join gauges
    on replicas.replica_id = gauges.replica_id and replicas.hour_index = gauges.hour_index
