-- Attempts with their list price by token class, which is null where a class is unknown or has no price: an
-- unknown cached part is not 0 where the list prices it apart. A view, so that prices of attempts are nowhere
-- stored twice.
{{ config(materialized='view') }}
{% set million_rate = 'cast(1000000000000000000 as ' ~ big_integer() ~ ')' %}
{% set classes = [
    'input_uncached', 'input_cache_read', 'input_cache_write_5m', 'input_cache_write_1h', 'output',
    'output_reasoning',
] %}
{% set no_limit = '9223372036854775807' %}
{% set all_alike = '(case when rate_input_cache_read is null then input_total_tokens end)' %}
with
dated as (
    select
        *,
        -- Nearly always a token costs whole units of dollars; then nothing is left to divide or round.
        coalesce(
            {% for class in classes -%}
            {{ "and " if not loop.first }}coalesce({{ class }}, 0) * rate_units % {{ million_rate }} = 0
            {%- if loop.last %},{% endif %}
            {% endfor -%}
            false
        ) as is_whole
    from {{ ref('int_prices__days') }}
),

rates as (
    select
        started_date as rate_date,
        provider as rate_provider,
        model as rate_model,
        model_served as rate_model_served,
        model_requested as rate_model_requested,
        valid_from_us as rate_from_us,
        valid_to_us as rate_to_us,
        -- An unknown size of prompt is priced only where the price is that of any size.
        case when above_input_tokens = 0 then -1 else above_input_tokens end as rate_above,
        coalesce(up_to_input_tokens, {{ no_limit }}) as rate_up_to,
        is_whole,
        rate_units,
        {% for class in classes -%}
        case when is_whole then {{ int_div(class ~ ' * rate_units', million_rate) }} else {{ class }} end
            as rate_{{ class }}{{ "," if not loop.last }}
        {% endfor %}
    from dated
),

attempts as (
    select
        *,
        -- What the gateway's cache answered has no price.
        case when not coalesce(is_gateway_cache_hit, false) then model end as listed_model,
        coalesce(input_cache_write_1h_tokens, 0) as write_1h_tokens,
        greatest(
            0,
            coalesce(
                input_cache_write_tokens - coalesce(input_cache_write_1h_tokens, 0), input_cache_write_5m_tokens, 0
            )
        ) as write_5m_tokens
    from {{ ref('int_requests__measured') }}
),

priced as (
    select
        attempts.*,
        rates.is_whole,
        rates.rate_units,
        -- Written tokens and cached ones cost their own price where the list has one, else that of
        -- uncached input. Without one the cached part need not be known.
        cast(
            {{ at_least_zero(
                'coalesce(input_uncached_tokens, ' ~ all_alike ~ ') - write_5m_tokens - write_1h_tokens'
            ) }}
            as {{ big_integer() }}
        )
        * rate_input_uncached
        + write_5m_tokens * coalesce(rate_input_cache_write_5m, rate_input_uncached)
        + write_1h_tokens * coalesce(rate_input_cache_write_1h, rate_input_uncached) as input_price,
        case
            when rates.rate_date is null then null
            when input_cache_read_tokens = 0 then 0
            when input_uncached_tokens is null and {{ all_alike }} is not null then 0
            else cast(input_cache_read_tokens as {{ big_integer() }})
                * coalesce(rate_input_cache_read, rate_input_uncached)
        end as cache_read_price,
        case
            when rates.rate_date is null then null
            when output_total_tokens = 0 then 0
            when coalesce(rate_output_reasoning, rate_output) = rate_output
                then cast(output_total_tokens as {{ big_integer() }}) * rate_output
            else
                cast(output_total_tokens - output_reasoning_tokens as {{ big_integer() }}) * rate_output
                + cast(output_reasoning_tokens as {{ big_integer() }}) * rate_output_reasoning
        end as output_price
    from attempts
    left join rates
        on
            attempts.started_date = rates.rate_date
            and attempts.listed_model = rates.rate_model
            and attempts.provider is not distinct from rates.rate_provider
            and attempts.model_served is not distinct from rates.rate_model_served
            and attempts.model_requested is not distinct from rates.rate_model_requested
            and attempts.started_us >= rates.rate_from_us
            and attempts.started_us < rates.rate_to_us
            -- All tokens of a request cost the price of its size of prompt.
            and coalesce(attempts.input_total_tokens, 0) > rates.rate_above
            and coalesce(attempts.input_total_tokens, {{ no_limit }}) <= rates.rate_up_to
)

select
    {{ all_but([
        'listed_model', 'write_1h_tokens', 'write_5m_tokens', 'is_whole', 'rate_units', 'input_price',
        'cache_read_price', 'output_price',
    ]) }},
    {% for part in ['input', 'cache_read', 'output'] -%}
    case
        when is_whole then {{ part }}_price
        else {{ mul_div_round(part ~ '_price', 'rate_units', million_rate) }}
    end as {{ part }}_units{{ "," if not loop.last }}
    {% endfor %}
from priced
