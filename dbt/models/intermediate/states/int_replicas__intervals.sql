-- Intervals that show a replica busy or ready, cut at hours and at the time it holds its GPUs; of the dates that
-- are made again.
{{ config(materialized='view') }}
with
replicas as (
    select * from {{ ref('int_replicas__hours') }}
),

served as (
    select
        replica_id,
        deployment_id,
        is_served,
        service_us as service_from_us,
        greatest(last_us, service_us + 1) as service_to_us
    from {{ ref('int_requests__measured') }}
    where
        is_engine_work
        and (is_served or output_total_tokens > 0)
        and {{ may_run_in('started_date', 'int_gpu__restated_dates') }}
),

served_hours as (
    select
        *,
        {{ explode_hours('service_from_us', 'service_to_us') }} as hour_index
    from served
),

-- A request that names no replica may have run on any of its deployment's: it counts for each.
placed as (
    select
        served_hours.*,
        replicas.lane,
        replicas.is_gauged,
        replicas.held_from_us,
        replicas.held_to_us
    from served_hours
    inner join replicas
        on
            served_hours.replica_id = replicas.replica_id
            and served_hours.deployment_id = replicas.deployment_id
            and served_hours.hour_index = replicas.hour_index
    union all
    select
        served_hours.*,
        replicas.lane,
        replicas.is_gauged,
        replicas.held_from_us,
        replicas.held_to_us
    from served_hours
    inner join replicas
        on served_hours.deployment_id = replicas.deployment_id and served_hours.hour_index = replicas.hour_index
    where served_hours.replica_id is null
),

requests as (
    select
        lane,
        is_gauged,
        is_served,
        greatest({{ clipped_from('service_from_us', 'hour_index') }}, held_from_us) as from_us,
        least({{ clipped_to('service_to_us', 'hour_index') }}, held_to_us) as to_us
    from placed
),

gauges as (
    select
        replicas.lane,
        replicas.is_gauged,
        held.running_milli,
        greatest(held.from_us, replicas.held_from_us) as from_us,
        least(held.to_us, replicas.held_to_us) as to_us
    from {{ ref('int_engine__held') }} as held
    inner join replicas
        on held.replica_id = replicas.replica_id and held.hour_index = replicas.hour_index
    where held.running_milli is not null
),

signs as (
    select
        lane,
        from_us,
        to_us,
        is_served,
        not is_gauged as is_busy,
        -- Where a gauge tells what is busy, a request that failed may have failed for want of an engine.
        is_served or not is_gauged as is_ready
    from requests
    union all
    select
        lane,
        from_us,
        to_us,
        false as is_served,
        is_gauged and running_milli > 0 as is_busy,
        true as is_ready
    from gauges
)

select * from signs
where from_us < to_us and (is_busy or is_ready)
