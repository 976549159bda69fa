-- Which days fell furthest short of their tier's objectives, and what did a good token cost then?
select
    event_date,
    model,
    tier,
    region,
    attainment_ratio,
    attainment_den,
    usd_per_m_good_output_fully_loaded
from {{ ref('rpt_slo') }}
where attainment_den >= 20
order by attainment_ratio asc, event_date asc, model asc, region asc
limit 10
