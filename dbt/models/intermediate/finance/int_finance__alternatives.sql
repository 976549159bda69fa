-- What could be bought in place of a deployment, and its price for the smallest prompts at the end of the
-- period in dollars: the models that fleet.yaml names, and all that a list prices by the same name.
{% set classes = ['input_uncached', 'input_cache_read', 'output'] %}
with
spans as (
    select
        costs.period,
        costs.deployment_id,
        costs.model,
        {{ end_of_date_us('periods.last_date') }} as end_us
    from {{ ref('int_finance__deployment_periods') }} as costs
    inner join {{ ref('int_finance__periods') }} as periods on costs.period = periods.period
),

named as (
    select
        deployment_id,
        provider,
        model,
        {{ epoch_us('valid_from') }} as from_us,
        coalesce({{ epoch_us('valid_to') }}, {{ forever_us() }}) as to_us
    from {{ ref('stg_lake__fleet_alternatives') }}
    qualify row_number() over (
        partition by deployment_id, provider, model, valid_from
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

priced as (
    select
        spans.period,
        spans.deployment_id,
        prices.provider,
        prices.model,
        prices.price_list,
        prices.currency,
        {% for class in classes -%}
        prices.{{ class }}{{ "," if not loop.last }}
        {% endfor %}
    from spans
    inner join {{ ref('int_prices__periods') }} as prices
        on
            prices.above_input_tokens = 0
            and prices.valid_from_us < spans.end_us
            and prices.valid_to_us >= spans.end_us
    left join named
        on
            spans.deployment_id = named.deployment_id
            and prices.provider = named.provider
            and prices.model = named.model
            and named.from_us < spans.end_us
            and named.to_us >= spans.end_us
    where prices.model = spans.model or named.deployment_id is not null
    qualify row_number() over (
        partition by spans.period, spans.deployment_id, prices.provider, prices.model
        order by prices.price_list = '' desc, prices.price_list asc, prices.currency asc
    ) = 1
),

rates as (
    select * from {{ ref('int_finance__period_rates') }}
)

select
    priced.period,
    priced.deployment_id,
    priced.provider,
    priced.model,
    priced.price_list,
    {% for class in classes -%}
    {{ mul_div_round(
        'priced.' ~ class,
        "case when priced.currency = 'USD' then 1000000000000 else rates.rate_units end",
        '1000000000000'
    ) }} as {{ class }}_price{{ "," if not loop.last }}
    {% endfor %}
from priced
left join rates on priced.period = rates.period and priced.currency = rates.currency
