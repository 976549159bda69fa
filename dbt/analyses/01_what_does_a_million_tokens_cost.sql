-- What does a million output tokens cost by model, tier and region: with and without idle, and by list price?
select
    model,
    tier,
    region,
    output_tokens,
    active_usd * per_million as active_usd_per_m_output,
    fully_loaded_usd * per_million as fully_loaded_usd_per_m_output,
    list_usd * per_million as list_usd_per_m_output
from (
    select
        model,
        tier,
        region,
        sum(output_total_tokens) as output_tokens,
        1e6 / nullif(sum(output_total_tokens), 0) as per_million,
        sum(cost_active_usd) as active_usd,
        sum(cost_fully_loaded_usd) as fully_loaded_usd,
        sum(cost_list_usd) as list_usd
    from {{ ref('rpt_unit_cost') }}
    group by model, tier, region
) as totals
order by fully_loaded_usd_per_m_output desc nulls last, model asc, tier asc, region asc
