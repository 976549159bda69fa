-- Which days fell furthest short of their tier's objectives, the dearest first among equals, and what did a
-- good token cost then?
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
-- Ordered by all that is shown: DuckDB would look the other columns of so few rows up by a join.
order by
    attainment_ratio asc, usd_per_m_good_output_fully_loaded desc nulls last, event_date asc, model asc, tier asc, region asc
limit 10
