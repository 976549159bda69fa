-- What does the next 100 ms of p95 TTFT cost, at each load that was best for some latency?
select
    month,
    model,
    tier,
    region,
    output_tokens_per_gpu_second,
    p95_seconds,
    usd_per_m_output,
    usd_per_m_output_for_100_ms
from {{ ref('rpt_frontier') }}
where is_on_frontier and measure = 'ttft'
order by month asc, model asc, tier asc, region asc, p95_seconds asc
