-- What does the next 100 ms of p95 cost, at each load that was best for some latency?
select
    month,
    model,
    tier,
    region,
    measure,
    output_tokens_per_gpu_second,
    p95_seconds,
    usd_per_m_output,
    usd_per_m_output_for_100_ms
from {{ ref('rpt_frontier') }}
where is_on_frontier
order by month asc, model asc, region asc, measure asc, p95_seconds asc
