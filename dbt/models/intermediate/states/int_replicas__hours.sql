-- Replica × UTC hour, and what its busy time is measured from.
with
replicas as (
    select
        replica_id,
        deployment_id,
        hour_index,
        count(*) as gpu_count,
        min(held_from_us) as held_from_us,
        max(held_to_us) as held_to_us,
        max(assigned_us) as assigned_us
    from {{ ref('int_gpu__replica_hours') }}
    group by replica_id, deployment_id, hour_index
),

gauges as (
    select * from {{ ref('int_engine__gauge_hours') }}
)

select
    replicas.*,
    coalesce(gauges.scrape_count, 0) as scrape_count,
    coalesce(
        gauges.scrape_count >= {{ var('gauge_samples_per_hour') }} and gauges.running_us > 0, false
    ) as is_gauged,
    least(coalesce(gauges.running_us, 0), replicas.assigned_us) as covered_us
from replicas
left join gauges
    on replicas.replica_id = gauges.replica_id and replicas.hour_index = gauges.hour_index
