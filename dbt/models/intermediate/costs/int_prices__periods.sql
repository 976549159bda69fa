-- List prices per provider and model with the period and the size of prompt for which they hold, one
-- column per token class. A later price of a class ends all earlier ones of it, whatever their size.
{% set classes = [
    'input_uncached', 'input_cache_read', 'input_cache_write_5m', 'input_cache_write_1h', 'output',
    'output_reasoning'
] %}
{% set list = 'price_list, provider, model, currency' %}
with
prices as (
    select
        coalesce(price_list, '') as price_list,
        provider,
        model,
        currency,
        token_class,
        coalesce(above_input_tokens, 0) as above_input_tokens,
        {{ epoch_us('valid_from') }} as valid_from_us,
        {{ money_units('price_per_million_tokens') }} as price_units
    from {{ ref('stg_lake__prices') }}
    -- What a request was sold as is in no log, so it is listed at the standard tier.
    where coalesce(service_tier, 'standard') = 'standard'
    qualify row_number() over (
        partition by
            coalesce(price_list, ''), provider, model, currency, token_class,
            coalesce(above_input_tokens, 0), valid_from
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

changes as (
    select
        {{ list }},
        valid_from_us,
        coalesce(
            lead(valid_from_us) over (partition by {{ list }} order by valid_from_us asc),
            {{ forever_us() }}
        ) as valid_to_us
    from (select distinct {{ list }}, valid_from_us from prices) as moments
),

in_force as (
    select
        changes.*,
        prices.token_class,
        prices.above_input_tokens,
        prices.price_units
    from changes
    inner join prices
        on
            changes.price_list = prices.price_list
            and changes.provider = prices.provider
            and changes.model = prices.model
            and changes.currency = prices.currency
            and changes.valid_from_us >= prices.valid_from_us
    qualify rank() over (
        partition by
            changes.price_list, changes.provider, changes.model, changes.currency,
            changes.valid_from_us, prices.token_class
        order by prices.valid_from_us desc
    ) = 1
),

sizes as (
    select {{ list }}, valid_from_us, valid_to_us, above_input_tokens from in_force
    union
    select {{ list }}, valid_from_us, valid_to_us, 0 as above_input_tokens from changes
),

held as (
    select
        sizes.*,
        in_force.token_class,
        in_force.price_units
    from sizes
    inner join in_force
        on
            sizes.price_list = in_force.price_list
            and sizes.provider = in_force.provider
            and sizes.model = in_force.model
            and sizes.currency = in_force.currency
            and sizes.valid_from_us = in_force.valid_from_us
            and sizes.above_input_tokens >= in_force.above_input_tokens
    qualify row_number() over (
        partition by
            sizes.price_list, sizes.provider, sizes.model, sizes.currency, sizes.valid_from_us,
            sizes.above_input_tokens, in_force.token_class
        order by in_force.above_input_tokens desc
    ) = 1
)

select
    {{ list }},
    valid_from_us,
    valid_to_us,
    above_input_tokens,
    lead(above_input_tokens) over (
        partition by {{ list }}, valid_from_us order by above_input_tokens asc
    ) as up_to_input_tokens,
    {% for class in classes -%}
    max(case when token_class = '{{ class }}' then price_units end) as {{ class }}{{ "," if not loop.last }}
    {% endfor %}
from held
group by {{ list }}, valid_from_us, valid_to_us, above_input_tokens
