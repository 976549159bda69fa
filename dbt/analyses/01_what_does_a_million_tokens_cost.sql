-- What does a million output tokens cost by model, tier and region: with and without idle, and by list price?
select
    model,
    tier,
    region,
    sum(output_total_tokens) as output_tokens,
    sum(cost_active_usd) / nullif(sum(output_total_tokens), 0) * 1e6
        as active_usd_per_m_output,
    sum(cost_fully_loaded_usd) / nullif(sum(output_total_tokens), 0) * 1e6
        as fully_loaded_usd_per_m_output,
    sum(cost_list_usd) / nullif(sum(output_total_tokens), 0) * 1e6 as list_usd_per_m_output
from {{ ref('rpt_unit_cost') }}
group by model, tier, region
order by fully_loaded_usd_per_m_output desc nulls last, model asc, tier asc, region asc
