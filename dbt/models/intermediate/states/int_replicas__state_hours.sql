-- Where each replica-hour went: not_ready, ready_empty and busy add up to the time assigned.
with
reached as (
    select
        replica_id,
        hour_index,
        kind,
        from_us,
        to_us,
        {{ reached_over('replica_id, hour_index, kind') }} as reached_us
    from {{ ref('int_replicas__intervals') }}
),

lengths as (
    select
        replica_id,
        hour_index,
        cast({{ union_length() }} filter (where kind = 'busy') as bigint) as busy_us,
        cast({{ union_length() }} filter (where kind = 'ready') as bigint) as ready_us,
        count(case when kind = 'served' then 1 end) > 0 as is_alive
    from reached
    group by replica_id, hour_index
),

replicas as (
    select * from {{ ref('int_replicas__hours') }}
),

measured as (
    select
        replicas.*,
        least(replicas.assigned_us, coalesce(lengths.busy_us, 0)) as busy_us,
        -- Without scrapes a served request is the only sign of life, and stands for the hour.
        case
            when replicas.scrape_count = 0 and lengths.is_alive then replicas.assigned_us
            else least(replicas.assigned_us, coalesce(lengths.ready_us, 0))
        end as ready_us
    from replicas
    left join lengths
        on replicas.replica_id = lengths.replica_id and replicas.hour_index = lengths.hour_index
)

select
    replica_id,
    deployment_id,
    hour_index,
    gpu_count,
    scrape_count,
    covered_us,
    case when is_gauged then 'engine_gauge' else 'request_intervals' end as busy_method,
    assigned_us,
    busy_us,
    greatest(0, ready_us - busy_us) as ready_empty_us,
    assigned_us - greatest(ready_us, busy_us) as not_ready_us
from measured
