-- Gauges of a replica with the time for which each value holds, cut at UTC hours.
with
replicas as (
    select
        replica_id,
        deployment_id,
        scraped_us,
        cast(sum(running_milli) as bigint) as running_milli,
        cast(sum(waiting_milli) as bigint) as waiting_milli,
        cast(sum(deferred_milli) as bigint) as deferred_milli,
        cast({{ int_div('sum(kv_ppm)', 'nullif(count(kv_ppm), 0)') }} as bigint) as kv_ppm,
        cast(sum(kv_capacity_tokens) as bigint) as kv_capacity_tokens
    from {{ ref('int_engine__scrapes') }}
    group by replica_id, deployment_id, scraped_us
),

followed as (
    select
        *,
        lead(scraped_us) over (partition by replica_id order by scraped_us asc nulls first) as next_us
    from replicas
),

intervals as (
    select
        replica_id,
        percentile_disc(0.5) within group (order by next_us - scraped_us asc) as interval_us
    from followed
    where next_us is not null
    group by replica_id
),

held as (
    select
        followed.replica_id,
        followed.deployment_id,
        followed.running_milli,
        followed.waiting_milli,
        followed.deferred_milli,
        followed.kv_ppm,
        followed.kv_capacity_tokens,
        followed.scraped_us as held_from_us,
        followed.next_us,
        intervals.interval_us,
        {{ held_until('followed.scraped_us', 'followed.next_us', 'intervals.interval_us') }}
            as held_to_us
    from followed
    left join intervals on followed.replica_id = intervals.replica_id
),

exploded as (
    select
        *,
        {{ explode_hours('held_from_us', 'held_to_us') }} as hour_index
    from held
)

select
    replica_id,
    deployment_id,
    hour_index,
    running_milli,
    waiting_milli,
    deferred_milli,
    kv_ppm,
    kv_capacity_tokens,
    held_from_us,
    next_us,
    interval_us,
    {{ clipped_from('held_from_us', 'hour_index') }} as from_us,
    {{ clipped_to('held_to_us', 'hour_index') }} as to_us,
    {{ hour_index('held_from_us') }} = hour_index as is_scraped_here
from exploded
