-- c: cost of the period, v: marginal cost of its tokens, b: what they would cost bought. Tokens at which both
-- cost the same: (c − v) / (b − v) of those served.
{{ config(materialized='table') }}
with
joined as (
    select
        costs.*,
        alternatives.provider,
        alternatives.model as alternative_model,
        alternatives.price_list,
        -- Where the cached part is unknown, or has no price of its own, all input counts at the input price.
        {{ mul_div_round(
            '(costs.input_tokens - costs.cache_read_tokens) * alternatives.input_uncached_price
            + costs.cache_read_tokens
            * coalesce(alternatives.input_cache_read_price, alternatives.input_uncached_price)
            + costs.output_tokens * alternatives.output_price',
            '1', '1000000'
        ) }} as buy_units,
        {{ mul_div_round('costs.marginal_units', 'costs.tokens', 'nullif(costs.marginal_tokens, 0)') }}
            as variable_units
    from {{ ref('int_finance__deployment_periods') }} as costs
    left join {{ ref('int_finance__alternatives') }} as alternatives
        on
            costs.period = alternatives.period
            and costs.deployment_id = alternatives.deployment_id
),

judged as (
    select
        *,
        case
            when tokens = 0 then 'no_tokens'
            when cost_units is null then 'cost_unknown'
            when provider is null then 'no_alternative_priced'
            when buy_units is null then 'price_unknown'
            when variable_units is null then 'marginal_cost_unknown'
            when buy_units <= variable_units then 'price_below_marginal_cost'
        end as unknown_because
    from joined
),

solved as (
    select
        *,
        case when unknown_because is null then
            {{ ratio('cost_units - variable_units', 'buy_units - variable_units') }}
        end as volume_factor
    from judged
)

select
    periods.calendar,
    periods.period_name as period,
    periods.first_date as period_start,
    periods.month,
    deployment_id,
    model,
    tier,
    region,
    provider as alternative_provider,
    alternative_model,
    nullif(price_list, '') as alternative_price_list,
    cast(tokens as bigint) as token_count,
    {{ money('cost_units') }} as make_cost_usd,
    {{ money('variable_units') }} as marginal_cost_usd,
    {{ money('buy_units') }} as buy_cost_usd,
    {{ ratio('cost_units', 'tokens') }} / 1e6 as make_usd_per_m_tokens,
    {{ ratio('buy_units', 'tokens') }} / 1e6 as buy_usd_per_m_tokens,
    {{ ratio('buy_units - cost_units', 'buy_units') }} as margin_ratio,
    case
        when tokens = 0 or buy_units is null or cost_units is null then null
        when cost_units < buy_units then 'make'
        else 'buy'
    end as verdict,
    {{ ratio('busy_ms', 'held_ms') }} as utilization_ratio,
    volume_factor * {{ ratio('busy_ms', 'held_ms') }} as breakeven_utilization_ratio,
    volume_factor * cast(tokens as double) as breakeven_tokens_per_month,
    -- Dollars per GPU-hour over the tokens that a busy one serves (metrics 5.2).
    {{ ratio('cost_units * busy_ms', 'tokens * held_ms') }} / 1e6 as usd_per_m_tokens_at_full_use,
    {{ ratio('capacity_units', 'held_ms') }} * 3.6e-6 as capacity_usd_per_gpu_hour,
    case
        when tokens > 0
            then {{ ratio('buy_units - (cost_units - capacity_units)', 'held_ms') }} * 3.6e-6
    end as breakeven_capacity_usd_per_gpu_hour,
    {{ ratio('power_units', 'facility_mj') }} * 3.6e-3 as power_usd_per_kwh,
    case
        when tokens > 0
            then {{ ratio('buy_units - (cost_units - power_units)', 'facility_mj') }} * 3.6e-3
    end as breakeven_power_usd_per_kwh,
    unknown_because
from solved
inner join {{ ref('int_finance__periods') }} as periods on solved.period = periods.period
