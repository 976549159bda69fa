-- Where did every billed dollar go: served, idle by cause, waste by cause, overhead, unattributed?
select
    category,
    cause,
    sum(cost_usd) as cost_usd,
    cast(sum(cost_usd) as double) / nullif(cast(sum(sum(cost_usd)) over () as double), 0) as cost_share
from {{ ref('fct_cost_ledger') }}
group by category, cause
order by cost_usd desc nulls last, category asc, cause asc nulls last
