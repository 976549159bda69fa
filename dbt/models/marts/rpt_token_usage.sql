-- Tokens and served cost per UTC date, deployment, tenant, token class and billed currency. The classes of
-- a group sum to its served cost, its currencies to its tokens; each by largest remainder.
{% set classes = ['input_uncached', 'input_cache_read', 'output'] %}
{% set price_of %}case costed.token_class
    when 'input_uncached' then prices.input_uncached
    when 'input_unsplit' then prices.input_uncached
    when 'input_cache_read' then prices.input_cache_read
    when 'output' then prices.output
end{% endset %}
{% set contract_price_of = price_of | replace('prices.', 'contracts.') %}
{% set day_us = epoch_us('cast(started_date as timestamp)') %}
with
served as (
    select
        event_date,
        deployment_id,
        tenant_id,
        currency,
        max(model) as model,
        max(tier) as tier,
        max(region) as region,
        sum({{ money_units('cost') }}) as cost_units,
        {{ known_sum(money_units('cost_usd')) }} as usd_units
    from {{ ref('fct_cost_ledger') }}
    where category = 'served' and {{ is_restated('event_date') }}
    group by event_date, deployment_id, tenant_id, currency
),

classed as (
    select
        served.*,
        classes.token_class,
        classes.token_count,
        -- What bears cost without known tokens keeps one row without a class; classes that all weigh
        -- nothing bear it equally.
        case
            when sum(classes.weight) over (
                partition by served.event_date, served.deployment_id, served.tenant_id, served.currency
            ) > 0 then classes.weight
            else 1
        end as class_weight,
        -- What has no rate cannot be held against dollars: the tokens are those of the currencies that have one.
        greatest(1, served.usd_units) as currency_weight
    from served
    left join {{ ref('int_costs__token_classes') }} as classes
        on
            served.event_date = classes.event_date
            and served.deployment_id = classes.deployment_id
            and served.tenant_id is not distinct from classes.tenant_id
),

costed as (
    {{ allocate(
        'classed', ['event_date', 'deployment_id', 'tenant_id', 'currency'], 'class_weight',
        ['token_class asc nulls first'],
        {'class_units': 'cost_units', 'class_usd_units': 'usd_units'}
    ) }}
),

counted as (
    {{ allocate(
        'classed', ['event_date', 'deployment_id', 'tenant_id', 'token_class'], 'currency_weight',
        ['currency'], {'currency_tokens': 'token_count'}
    ) }}
),

contracts as (
    select * from {{ ref('int_prices__contracts') }}
),

-- The list price in force when the day begins, or the first one of the day; of the base size of prompt.
prices as (
    select
        started_date,
        model,
        {% for class in classes -%}
        {{ class }},
        {% endfor -%}
        rate_units
    from {{ ref('int_prices__days') }}
    where above_input_tokens = 0 and rate_units is not null
    qualify row_number() over (
        partition by started_date, model
        order by
            valid_from_us <= {{ day_us }} desc,
            case when valid_from_us <= {{ day_us }} then -valid_from_us else valid_from_us end asc,
            price_list asc, price_provider asc, price_currency asc, provider asc
    ) = 1
),

priced as (
    select
        costed.event_date,
        costed.deployment_id,
        costed.tenant_id,
        costed.token_class,
        costed.currency,
        costed.model,
        costed.tier,
        costed.region,
        counted.currency_tokens,
        costed.class_units,
        costed.class_usd_units,
        {{ mul_div_round(price_of, 'prices.rate_units', 'rates.rate_units') }} as price_units,
        case
            when contracts.currency = costed.currency then {{ contract_price_of }}
            else {{ mul_div_round(contract_price_of, 'contracts.rate_units', 'rates.rate_units') }}
        end as contract_units
    from costed
    inner join counted
        on
            costed.event_date = counted.event_date
            and costed.deployment_id = counted.deployment_id
            and costed.tenant_id is not distinct from counted.tenant_id
            and costed.token_class is not distinct from counted.token_class
            and costed.currency = counted.currency
    left join prices on costed.event_date = prices.started_date and costed.model = prices.model
    left join contracts
        on
            costed.event_date = contracts.started_date
            and costed.tenant_id = contracts.tenant_id
            and costed.model = contracts.model
    left join {{ ref('int_fx__usd_rates') }} as rates
        on costed.event_date = rates.rate_date and costed.currency = rates.currency
)

select
    event_date,
    deployment_id,
    tenant_id,
    token_class,
    currency,
    model,
    tier,
    region,
    cast(currency_tokens as bigint) as token_count,
    {{ money('class_units') }} as cost,
    {{ money('class_usd_units') }} as cost_usd,
    {{ money('price_units') }} as list_price_per_million,
    {{ money('contract_units') }} as contract_price_per_million
from priced
