-- The prices and rates that the attempts of a date are listed at.
with
seen as (
    select distinct started_date, provider, model_served, model_requested, model
    from {{ ref('int_requests__arrivals') }}
),

listed as (
    select
        seen.*,
        models.price_list,
        models.price_provider,
        models.price_model,
        models.price_currency
    from seen
    inner join {{ ref('int_prices__models') }} as models
        on
            seen.model = models.model
            and seen.provider is not distinct from models.provider
            and seen.model_served is not distinct from models.model_served
            and seen.model_requested is not distinct from models.model_requested
)

select
    listed.*,
    {{ all_but(['price_list', 'provider', 'model', 'currency'], 'prices') }},
    rates.rate_units
from listed
inner join {{ ref('int_prices__periods') }} as prices
    on
        listed.price_list = prices.price_list
        and listed.price_provider = prices.provider
        and listed.price_model = prices.model
        and listed.price_currency = prices.currency
        and cast({{ timestamp_of_us('prices.valid_from_us') }} as date) <= listed.started_date
        and cast({{ timestamp_of_us('prices.valid_to_us') }} as date) >= listed.started_date
left join {{ ref('int_fx__usd_rates') }} as rates
    on listed.price_currency = rates.currency and listed.started_date = rates.rate_date
