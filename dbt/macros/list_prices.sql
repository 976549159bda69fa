{# List price of the attempts that meet a condition on `attempts`, by token class. Null where a class is unknown or
   has no price: an unknown cached part is not 0 where the list prices it apart. #}
{% macro listed_attempts(condition) %}
{% set million_rate = 'cast(1000000000000000000 as ' ~ big_integer() ~ ')' %}
{% set all_alike = '(case when prices.input_cache_read is null then input_total_tokens end)' %}
with
attempts as (
    select
        attempts.emitter,
        attempts.request_id,
        attempts.started_date,
        attempts.started_us,
        attempts.deployment_id,
        attempts.tenant_id,
        attempts.model,
        attempts.tier,
        attempts.region,
        attempts.is_served,
        attempts.input_total_tokens,
        attempts.input_uncached_tokens,
        attempts.input_cache_read_tokens,
        attempts.output_total_tokens,
        attempts.output_reasoning_tokens,
        coalesce(attempts.input_cache_write_1h_tokens, 0) as write_1h_tokens,
        greatest(
            0,
            coalesce(
                attempts.input_cache_write_tokens - coalesce(attempts.input_cache_write_1h_tokens, 0),
                attempts.input_cache_write_5m_tokens, 0
            )
        ) as write_5m_tokens,
        models.price_list,
        models.price_provider,
        models.price_model,
        models.price_currency
    from {{ ref('int_requests__measured') }} as attempts
    inner join {{ ref('int_prices__models') }} as models
        on
            not coalesce(attempts.is_gateway_cache_hit, false)
            and attempts.model = models.model
            and attempts.provider is not distinct from models.provider
            and attempts.model_served is not distinct from models.model_served
            and attempts.model_requested is not distinct from models.model_requested
    where {{ condition }}
),

priced as (
    select
        attempts.*,
        rates.rate_units,
        -- Written tokens and cached ones cost their own price where the list has one, else that of
        -- uncached input. Without one the cached part need not be known.
        cast(
            {{ at_least_zero(
                'coalesce(input_uncached_tokens, ' ~ all_alike ~ ') - write_5m_tokens - write_1h_tokens'
            ) }}
            as {{ big_integer() }}
        )
        * prices.input_uncached
        + write_5m_tokens * coalesce(prices.input_cache_write_5m, prices.input_uncached)
        + write_1h_tokens * coalesce(prices.input_cache_write_1h, prices.input_uncached) as input_price,
        case
            when input_cache_read_tokens = 0 then 0
            when input_uncached_tokens is null and {{ all_alike }} is not null then 0
            else cast(input_cache_read_tokens as {{ big_integer() }})
                * coalesce(prices.input_cache_read, prices.input_uncached)
        end as cache_read_price,
        case
            when output_total_tokens = 0 then 0
            when coalesce(prices.output_reasoning, prices.output) = prices.output
                then cast(output_total_tokens as {{ big_integer() }}) * prices.output
            else
                cast(output_total_tokens - output_reasoning_tokens as {{ big_integer() }}) * prices.output
                + cast(output_reasoning_tokens as {{ big_integer() }}) * prices.output_reasoning
        end as output_price
    from attempts
    inner join {{ ref('int_prices__periods') }} as prices
        on
            attempts.price_list = prices.price_list
            and attempts.price_provider = prices.provider
            and attempts.price_model = prices.model
            and attempts.price_currency = prices.currency
            and attempts.started_us >= prices.valid_from_us
            and attempts.started_us < prices.valid_to_us
            -- All tokens of a request cost the price of its size of prompt.
            and (prices.above_input_tokens = 0 or attempts.input_total_tokens > prices.above_input_tokens)
            and (
                prices.up_to_input_tokens is null
                or attempts.input_total_tokens <= prices.up_to_input_tokens
            )
    left join {{ ref('int_fx__usd_rates') }} as rates
        on attempts.price_currency = rates.currency and attempts.started_date = rates.rate_date
)

select
    emitter,
    request_id,
    started_date,
    deployment_id,
    tenant_id,
    model,
    tier,
    region,
    is_served,
    input_uncached_tokens,
    input_cache_read_tokens,
    output_total_tokens,
    {{ mul_div_round('input_price', 'rate_units', million_rate) }} as input_units,
    {{ mul_div_round('cache_read_price', 'rate_units', million_rate) }} as cache_read_units,
    {{ mul_div_round('output_price', 'rate_units', million_rate) }} as output_units
from priced
{% endmacro %}
