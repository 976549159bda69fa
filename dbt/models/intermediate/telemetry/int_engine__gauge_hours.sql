-- Time-weighted gauges per replica and UTC hour: sums of value × microseconds and their denominators.
with
held as (
    select
        *,
        cast(to_us - from_us as {{ big_integer() }}) as held_us
    from {{ ref('int_engine__held') }}
)

select
    replica_id,
    deployment_id,
    hour_index,
    count(case when is_scraped_here then 1 end) as scrape_count,
    sum(case when running_milli is not null then held_us else 0 end) as running_us,
    sum(running_milli * held_us) as running_sum,
    sum(case when running_milli > 0 then held_us else 0 end) as gauge_busy_us,
    sum(case when waiting_milli is not null then held_us else 0 end) as waiting_us,
    sum(waiting_milli * held_us) as waiting_sum,
    sum(case when deferred_milli is not null then held_us else 0 end) as deferred_us,
    sum(deferred_milli * held_us) as deferred_sum,
    sum(case when kv_ppm is not null then held_us else 0 end) as kv_us,
    sum(kv_ppm * held_us) as kv_sum,
    sum(case when kv_capacity_tokens is not null then held_us else 0 end) as kv_capacity_us,
    sum(kv_capacity_tokens * held_us) as kv_capacity_sum
from held
group by replica_id, deployment_id, hour_index
