-- No dollar is lost between the ledger and the unit cost: spreading overhead moves it, that is all.
with
ledger as (
    select event_date, sum(cost_usd) as cost_usd, count(case when cost_usd is null then 1 end) as unknown_count
    from {{ ref('fct_cost_ledger') }}
    group by event_date
),

unit_cost as (
    select event_date, sum(cost_fully_loaded_usd) as cost_usd
    from {{ ref('rpt_unit_cost') }}
    group by event_date
)

select ledger.*
from ledger
left join unit_cost on ledger.event_date = unit_cost.event_date
where ledger.unknown_count = 0 and ledger.cost_usd is distinct from unit_cost.cost_usd
