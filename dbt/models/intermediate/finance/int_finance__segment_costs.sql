-- Cost per period, segment, currency and kind, in dollars at the rates of its days and at the mean rate of
-- the period before, so that a move of exchange rates can be told from a move of prices.
with
costs as (
    select
        dates.period,
        {{ segment_columns('days.deployment_id', 'days', 'days.cause', 'days.region') }},
        days.currency,
        days.cost_kind,
        sum(days.cost_units) as cost_units,
        {{ known_sum('days.usd_units') }} as usd_units
    from {{ ref('int_finance__ledger_days') }} as days
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    group by 1, 2, 3, 4, 5, 6
),

-- Rates of the period before.
rates as (
    select
        periods.period,
        rates.currency,
        rates.rate_units
    from {{ ref('int_finance__periods') }} as periods
    inner join {{ ref('int_finance__period_rates') }} as rates on periods.base_period = rates.period
)

select
    costs.*,
    -- Without a rate of the period before there is nothing to compare with: no effect of exchange rates.
    case
        when costs.usd_units is null then null
        when rates.rate_units is null then costs.usd_units
        else {{ mul_div_round('costs.cost_units', 'rates.rate_units', '1000000000000') }}
    end as base_rate_units
from costs
left join rates
    on costs.period = rates.period and costs.currency = rates.currency
