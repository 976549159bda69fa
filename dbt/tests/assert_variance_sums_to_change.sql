-- The effects of a segment are its change to the last unit, and segments are the ledger.
with
ledger as (
    select
        periods.calendar,
        periods.period_name as period,
        sum(ledger.cost_usd) as cost_usd,
        count(case when ledger.cost_usd is null then 1 end) as unknown_count
    from {{ ref('fct_cost_ledger') }} as ledger
    inner join {{ ref('int_finance__period_dates') }} as dates on ledger.event_date = dates.event_date
    inner join {{ ref('int_finance__periods') }} as periods on dates.period = periods.period
    group by 1, 2
),

variance as (
    select
        calendar,
        period,
        sum(cost_usd) as cost_usd,
        count(
            case
                when
                    volume_effect_usd + mix_effect_usd + efficiency_effect_usd + price_effect_usd
                    + fx_effect_usd + new_effect_usd + discontinued_effect_usd <> change_usd
                    then 1
            end
        ) as broken_count
    from {{ ref('rpt_variance') }}
    group by calendar, period
)

select ledger.*
from ledger
full outer join variance on ledger.calendar = variance.calendar and ledger.period = variance.period
where
    variance.broken_count is distinct from 0
    or (ledger.unknown_count = 0 and ledger.cost_usd is distinct from variance.cost_usd)
