-- How fast was each tier over the whole period: p95 merged from the hourly sketches, within 1 %?
with
merged as (
    select
        tier,
        measure,
        bucket,
        min(value_seconds) as value_seconds,
        sum(observation_count) as observation_count
    from {{ ref('fct_latency_sketches') }}
    group by tier, measure, bucket
),

ranked as (
    select
        *,
        sum(observation_count) over (partition by tier, measure order by bucket asc) as reached,
        sum(observation_count) over (partition by tier, measure) as total
    from merged
)

select
    tier,
    measure,
    max(total) as observation_count,
    min(case when reached >= 0.50 * total then value_seconds end) as p50_seconds,
    min(case when reached >= 0.95 * total then value_seconds end) as p95_seconds
from ranked
group by tier, measure
order by tier asc, measure asc
