-- Mean rate of a month to US dollars, over the days that have one.
select
    {{ year_month('rate_date') }} as month,
    currency,
    {{ int_div('sum(rate_units)', 'count(rate_units)') }} as rate_units
from {{ ref('int_fx__usd_rates') }}
where rate_units is not null
group by 1, 2
