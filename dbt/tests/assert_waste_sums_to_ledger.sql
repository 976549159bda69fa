-- Every dollar of waste has a row by its cause.
with
ledger as (
    select event_date, sum(cost_usd) as cost_usd, count(case when cost_usd is null then 1 end) as unknown_count
    from {{ ref('fct_cost_ledger') }}
    where category = 'waste'
    group by event_date
),

waste as (
    select event_date, sum(cost_usd) as cost_usd
    from {{ ref('rpt_waste') }}
    group by event_date
)

select ledger.*
from ledger
left join waste on ledger.event_date = waste.event_date
where ledger.unknown_count = 0 and ledger.cost_usd is distinct from waste.cost_usd
