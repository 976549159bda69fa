-- Which price list a request's model is priced from: the model served before the one asked for, the
-- request's own provider before any other, then the first by name.
with
seen as (
    select distinct
        provider,
        model_served,
        model_requested,
        model
    from {{ ref('int_requests__attempts') }}
),

lists as (
    select distinct
        provider as price_provider,
        model as price_model,
        currency as price_currency
    from {{ ref('int_prices__periods') }}
)

select
    seen.*,
    lists.price_provider,
    lists.price_model,
    lists.price_currency
from seen
inner join lists
    on lists.price_model in (seen.model_served, seen.model, seen.model_requested)
qualify row_number() over (
    partition by seen.provider, seen.model_served, seen.model_requested, seen.model
    order by
        case lists.price_model when seen.model_served then 1 when seen.model then 2 else 3 end asc,
        case when lists.price_provider = seen.provider then 1 else 2 end asc,
        lists.price_provider asc, lists.price_currency asc
) = 1
