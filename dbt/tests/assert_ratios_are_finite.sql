-- A ratio without a denominator is null, never infinite or NaN.
select cast(event_date as string) || ' ' || model as subject
from {{ ref('rpt_unit_cost') }}
where
    not isfinite(coalesce(usd_per_m_total_fully_loaded, 0))
    or not isfinite(coalesce(usd_per_m_output_active, 0))
    or not isfinite(coalesce(idle_share_ratio, 0))
