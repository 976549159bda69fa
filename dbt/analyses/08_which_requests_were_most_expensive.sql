-- Which requests of the last day were the most expensive, and how long were they?
select
    request_id,
    tenant_id,
    model,
    input_total_tokens,
    output_total_tokens,
    e2e_seconds,
    cost_fully_loaded_usd
from {{ ref('fct_requests') }}
where event_date = (select max(event_date) from {{ ref('rpt_unit_cost') }} where request_count > 0)
order by cost_fully_loaded_usd desc nulls last, emitter asc, request_id asc
limit 20
