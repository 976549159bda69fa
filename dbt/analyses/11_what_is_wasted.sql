-- What did failed and cancelled requests cost by tenant and cause, beside what was served?
select
    tenant_id,
    sum(case when category = 'served' then cost_usd else 0 end) as served_usd,
    sum(case when category = 'waste' then cost_usd else 0 end) as waste_usd,
    cast(sum(case when category = 'waste' then cost_usd else 0 end) as double)
    / nullif(cast(sum(cost_usd) as double), 0) as waste_share
from {{ ref('fct_cost_ledger') }}
-- `is true` keeps DuckDB from testing every row where the few words of the dictionary will do.
where category in ('served', 'waste') is true
group by tenant_id
order by waste_usd desc nulls last, tenant_id asc nulls last
