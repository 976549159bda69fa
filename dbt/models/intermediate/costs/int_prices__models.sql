-- Which price list a request's model is priced from: a sheet of one's own before a public list, the model
-- served before the one asked for, the request's own provider before any other, then the first by name.
-- A public list is a vendor's: it prices only what that vendor served, not a model of the same name that
-- we run ourselves.
with
seen as (
    select distinct
        provider,
        model_served,
        model_requested,
        model
    from {{ ref('int_requests__arrivals') }}
),

lists as (
    select distinct
        price_list,
        provider as price_provider,
        model as price_model,
        currency as price_currency
    from {{ ref('int_prices__periods') }}
)

select
    seen.*,
    lists.price_list,
    lists.price_provider,
    lists.price_model,
    lists.price_currency
from seen
inner join lists
    on
        lists.price_model in (seen.model_served, seen.model, seen.model_requested)
        and (lists.price_list = '' or lists.price_provider = seen.provider)
qualify row_number() over (
    partition by seen.provider, seen.model_served, seen.model_requested, seen.model
    order by
        lists.price_list = '' desc,
        case lists.price_model when seen.model_served then 1 when seen.model then 2 else 3 end asc,
        case when lists.price_provider = seen.provider then 1 else 2 end asc,
        lists.price_list asc, lists.price_provider asc, lists.price_currency asc
) = 1
