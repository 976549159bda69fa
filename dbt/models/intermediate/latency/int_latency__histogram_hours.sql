-- Observations per deployment, UTC hour, histogram, layout of buckets and bucket; what a scrape gained
-- over a boundary is spread uniformly. Whole numbers, so that hours
-- add up. Empty buckets stay: they say where the others begin.
with
exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from {{ ref('int_latency__histogram_gains') }}
),

clipped as (
    select
        *,
        {{ clipped_from('from_us', 'hour_index') }} - from_us as elapsed_from,
        {{ clipped_to('to_us', 'hour_index') }} - from_us as elapsed_to,
        to_us - from_us as length_us
    from exploded
)

select
    deployment_id,
    hour_index,
    metric,
    layout,
    upper_bound,
    cast(sum({{ part_of('observation_count', 'elapsed_from', 'elapsed_to', 'length_us') }}) as bigint)
        as observation_count,
    cast(sum({{ part_of('observation_sum_us', 'elapsed_from', 'elapsed_to', 'length_us') }}) as bigint)
        as observation_sum_us
from clipped
group by deployment_id, hour_index, metric, layout, upper_bound
