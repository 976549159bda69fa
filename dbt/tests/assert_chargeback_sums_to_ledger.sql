-- Whoever bears it, the period is the ledger's: exact in each currency, and in minor units to its rounding. So is each
-- line, and each of its categories.
with
ledger as (
    select
        periods.calendar,
        periods.period_name as period,
        ledger.currency,
        sum(ledger.cost) as cost,
        sum(ledger.cost_usd) as cost_usd,
        count(case when ledger.cost_usd is null then 1 end) as unknown_count
    from {{ ref('fct_cost_ledger') }} as ledger
    inner join {{ ref('int_finance__period_dates') }} as dates on ledger.event_date = dates.event_date
    inner join {{ ref('int_finance__periods') }} as periods on dates.period = periods.period
    group by 1, 2, 3
),

charged as (
    select
        calendar,
        period,
        currency,
        sum(total_cost) as cost,
        sum(total_cost_usd) as cost_usd,
        sum(total_amount) as amount,
        sum(
            served_amount + waste_amount + idle_amount + overhead_amount + unattributed_amount - total_amount
        ) as category_difference,
        max(greatest(
            {% for name in ['served', 'waste', 'idle', 'overhead', 'unattributed', 'total'] -%}
            abs({{ name }}_amount - {{ name }}_cost){{ "," if not loop.last }}
            {% endfor -%}
        )) as rounding
    from {{ ref('rpt_chargeback') }}
    where currency is not null
    group by calendar, period, currency
)

select ledger.*
from ledger
full outer join charged
    on
        ledger.calendar = charged.calendar
        and ledger.period = charged.period
        and ledger.currency = charged.currency
where
    ledger.cost is distinct from charged.cost
    or (ledger.unknown_count = 0 and ledger.cost_usd is distinct from charged.cost_usd)
    or abs(charged.amount - charged.cost) > 0.5 * {{ minor_step('charged.currency') }} / 1e12
    or charged.category_difference <> 0
    or charged.rounding >= {{ minor_step('charged.currency') }} / 1e12
