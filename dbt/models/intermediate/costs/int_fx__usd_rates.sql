-- Rate to US dollars per currency and date, in 1e-12: the last known one, at most fx_max_age_days old;
-- the stated pair before its inverse, and either before a way through a third currency of the same date.
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
    union
    -- Upkeep and interest of servers are in no charge line.
    select distinct servers.currency, {{ day_date('days.day_number') }}
    from {{ ref('int_fleet__servers') }} as servers
    cross join (
        select {{ explode_range(
            int_div('window_from_us', day_us()), int_div('window_to_us - 1', day_us())
        ) }} as day_number
        from {{ ref('int_fleet__window') }}
        where window_from_us is not null
    ) as days
    where servers.currency is not null
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

thirds as (
    select * from stated
    qualify row_number() over (
        partition by rate_date, currency order by preference asc, source_file desc, source_line desc
    ) = 1
),

-- A central bank states all of its rates in its own currency: yen and dollars for a euro.
crossed as (
    select
        thirds.rate_date,
        {% set base = 'thirds.currency = rates.base_currency' -%}
        case when {{ base }} then rates.quote_currency else rates.base_currency end as currency,
        3 as preference,
        case
            when {{ base }}
                then {{ mul_div_round('thirds.rate_units', '1000000000000', money_units('rates.rate')) }}
            else {{ mul_div_round('thirds.rate_units', money_units('rates.rate'), '1000000000000') }}
        end as rate_units,
        rates.source_file,
        rates.source_line
    from {{ ref('stg_lake__fx_rates') }} as rates
    inner join thirds
        on
            rates.rate_date = thirds.rate_date
            and thirds.currency in (rates.base_currency, rates.quote_currency)
    where 'USD' not in (rates.base_currency, rates.quote_currency) and rates.rate > 0
),

ways as (
    select * from stated
    union all
    select * from crossed
),

matched as (
    select
        needed.currency,
        needed.rate_date,
        ways.rate_units,
        ways.rate_date as stated_date
    from needed
    inner join ways
        on
            needed.currency = ways.currency
            and ways.rate_date <= needed.rate_date
            and ways.rate_date >= needed.rate_date - interval {{ var('fx_max_age_days') }} day
    where needed.currency <> 'USD'
    qualify row_number() over (
        partition by needed.currency, needed.rate_date
        order by
            case when ways.preference = 3 then 1 else 0 end asc, ways.rate_date desc, ways.preference asc,
            ways.source_file desc, ways.source_line desc
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
