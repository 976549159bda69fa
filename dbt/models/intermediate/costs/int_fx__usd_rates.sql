-- Rate to US dollars per currency and date, in 1e-12: the last known one, at most fx_max_age_days old;
-- the stated pair before its inverse.
with
needed as (
    select distinct currency, cast({{ hour_start('hour_index') }} as date) as rate_date
    from {{ ref('int_costs__line_hours') }}
    union
    select distinct prices.currency, attempts.started_date as rate_date
    from (
        select currency from {{ ref('stg_lake__prices') }}
        union
        select currency from {{ ref('stg_lake__fleet_contract_prices') }}
    ) as prices
    cross join (select distinct started_date from {{ ref('int_requests__arrivals') }}) as attempts
),

stated as (
    select
        rate_date,
        case when quote_currency = 'USD' then base_currency else quote_currency end as currency,
        case when quote_currency = 'USD' then 1 else 2 end as preference,
        case
            when quote_currency = 'USD' then {{ money_units('rate') }}
            else {{ int_div(
                'cast(1000000000000 as ' ~ big_integer() ~ ') * 1000000000000', money_units('rate')
            ) }}
        end as rate_units,
        source_file,
        source_line
    from {{ ref('stg_lake__fx_rates') }}
    where (quote_currency = 'USD' or base_currency = 'USD') and rate > 0
),

matched as (
    select
        needed.currency,
        needed.rate_date,
        stated.rate_units,
        stated.rate_date as stated_date
    from needed
    inner join stated
        on
            needed.currency = stated.currency
            and stated.rate_date <= needed.rate_date
            and stated.rate_date >= needed.rate_date - interval {{ var('fx_max_age_days') }} day
    where needed.currency <> 'USD'
    qualify row_number() over (
        partition by needed.currency, needed.rate_date
        order by
            stated.rate_date desc, stated.preference asc,
            stated.source_file desc, stated.source_line desc
    ) = 1
)

select currency, rate_date, rate_units, stated_date
from matched
union all
select
    currency,
    rate_date,
    cast(1000000000000 as {{ big_integer() }}) as rate_units,
    cast(null as date) as stated_date
from needed
where currency = 'USD'
