-- Mean rate of a period to US dollars, over the days that have one.
select
    dates.period,
    rates.currency,
    {{ int_div('sum(rates.rate_units)', 'count(rates.rate_units)') }} as rate_units
from {{ ref('int_fx__usd_rates') }} as rates
inner join {{ ref('int_finance__period_dates') }} as dates on rates.rate_date = dates.event_date
where rates.rate_units is not null
group by dates.period, rates.currency
