-- What a tenant agreed to pay for a million tokens of a model, on each date with requests: the price in force
-- as the UTC day begins, in 1e-12 of its currency, with the rate of the day to US dollars.
with
prices as (
    select
        tenant_id,
        model,
        {{ money_units('input_price') }} as input_uncached,
        {{ money_units('coalesce(cache_read_price, input_price)') }} as input_cache_read,
        {{ money_units('output_price') }} as output,
        currency,
        valid_from,
        valid_to,
        source_file,
        source_line
    from {{ ref('stg_lake__fleet_contract_prices') }}
),

dates as (
    select distinct started_date
    from {{ ref('int_requests__arrivals') }}
)

select
    dates.started_date,
    prices.tenant_id,
    prices.model,
    prices.input_uncached,
    prices.input_cache_read,
    prices.output,
    prices.currency,
    rates.rate_units
from prices
inner join dates
    on
        prices.valid_from <= cast(dates.started_date as timestamp)
        and coalesce(prices.valid_to > cast(dates.started_date as timestamp), true)
left join {{ ref('int_fx__usd_rates') }} as rates
    on prices.currency = rates.currency and dates.started_date = rates.rate_date
qualify row_number() over (
    partition by dates.started_date, prices.tenant_id, prices.model
    order by prices.valid_from desc, prices.source_file desc, prices.source_line desc
) = 1
