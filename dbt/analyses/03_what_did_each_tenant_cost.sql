-- What did each tenant cost in a month, served and wasted, and what would it have paid by list price?
select
    date_trunc('month', event_date) as event_month,
    tenant_id,
    sum(request_count) as request_count,
    sum(cost_active_usd) as active_usd,
    sum(cost_fully_loaded_usd) as fully_loaded_usd,
    sum(cost_list_usd) as list_usd
from {{ ref('rpt_tenant_days') }}
group by date_trunc('month', event_date), tenant_id
order by event_month asc, fully_loaded_usd desc nulls last, tenant_id asc nulls last
