-- Cost of a segment on the way from last period's to this period's, changing one thing at a time: all tokens,
-- their mix, how many GPU-hours they took, what those cost, the exchange rate. Each level is rounded to a
-- whole unit and an effect is the difference of two, so effects add up to the change exactly.
{{ config(materialized='table') }}
{% set effects = {
    'volume': 'volume_level - usd_units_0',
    'mix': 'mix_level - volume_level',
    'efficiency': 'efficiency_level - mix_level',
    'price': 'base_rate_units - efficiency_level',
    'fx': 'usd_units_1 - base_rate_units',
} %}
{% set parts = {
    'efficiency_cache': 'cache_level - mix_level',
    'efficiency_batch': 'batch_level - cache_level',
    'efficiency_idle': 'efficiency_level - batch_level',
    'price_power': 'base_rate_power_units - held_power_level',
    'price_capacity':
        '(base_rate_units - efficiency_level) - (base_rate_power_units - held_power_level)',
} %}
with
segments as (
    select * from {{ ref('int_finance__segment_periods') }}
),

periods as (
    select * from {{ ref('int_finance__periods') }}
),

bases as (
    select
        segments.*,
        periods.period as next_period
    from segments
    inner join periods on segments.period = periods.base_period
),

pairs as (
    select
        coalesce(now.period, base.next_period) as period,
        coalesce(now.model, base.model) as model,
        coalesce(now.tier, base.tier) as tier,
        coalesce(now.region, base.region) as region,
        base.period is not null as has_base,
        now.period is not null as has_now,
        {% for column in ['usd_units', 'power_units', 'tokens', 'computed_tokens', 'held_ms', 'busy_ms'] -%}
        base.{{ column }} as {{ column }}_0,
        now.{{ column }} as {{ column }}_1,
        {% endfor -%}
        now.base_rate_units,
        now.base_rate_power_units
    from segments as now
    full outer join bases as base
        on
            now.period = base.next_period
            and now.model = base.model
            and now.tier = base.tier
            and now.region = base.region
    where
        now.period is not null
        or base.next_period in (select period from segments)
),

totals as (
    select
        *,
        -- Without a token in the whole base period there is no price of one to compare with.
        has_base and has_now and coalesce(sum(tokens_0) over (partition by period), 0) > 0 as is_compared,
        sum(case when has_now and tokens_0 > 0 then tokens_0 end) over (partition by period) as kept_tokens_0,
        sum(case when has_now and tokens_0 > 0 then tokens_1 end) over (partition by period) as kept_tokens_1
    from pairs
),

driven as (
    select
        *,
        case
            when tokens_0 > 0 then {{ mul_div_round('usd_units_0', 'kept_tokens_1', 'nullif(kept_tokens_0, 0)') }}
            else usd_units_0
        end as volume_level,
        case
            when tokens_0 > 0 then {{ mul_div_round('usd_units_0', 'tokens_1', 'nullif(tokens_0, 0)') }}
            else usd_units_0
        end as mix_level,
        {{ mul_div_round('usd_units_0', 'computed_tokens_1', 'nullif(computed_tokens_0, 0)') }} as cache_level,
        {{ mul_div_round('usd_units_0', 'busy_ms_1', 'nullif(busy_ms_0, 0)') }} as batch_level,
        {{ mul_div_round('usd_units_0', 'held_ms_1', 'nullif(held_ms_0, 0)') }} as held_level,
        {{ mul_div_round('power_units_0', 'held_ms_1', 'nullif(held_ms_0, 0)') }} as held_power_level
    from totals
),

levels as (
    select
        *,
        case
            -- What nobody observed has no hours, so its price cannot be told from its amount.
            when model = '(unobserved)' then base_rate_units
            else coalesce(held_level, mix_level)
        end as efficiency_level
    from driven
)

select
    periods.calendar,
    periods.period_name as period,
    periods.base_name as base_period,
    periods.first_date as period_start,
    periods.month,
    periods.base_month,
    levels.model,
    levels.tier,
    levels.region,
    {{ money('case when has_base then usd_units_0 else 0 end') }} as cost_base_usd,
    {{ money('case when has_now then usd_units_1 else 0 end') }} as cost_usd,
    {% for effect, units in effects.items() -%}
    {{ money('case when is_compared then ' ~ units ~ ' else 0 end') }} as {{ effect }}_effect_usd,
    {% endfor -%}
    {{ money('case when is_compared or not has_now then 0 else usd_units_1 end') }} as new_effect_usd,
    {{ money('case when is_compared or not has_base then 0 else -usd_units_0 end') }}
        as discontinued_effect_usd,
    {{ money(
        '(case when has_now then usd_units_1 else 0 end) - (case when has_base then usd_units_0 else 0 end)'
    ) }} as change_usd,
    {% for part, units in parts.items() -%}
    {{ money('case when is_compared then ' ~ units ~ ' end') }} as {{ part }}_usd,
    {% endfor -%}
    cast(tokens_0 as bigint) as tokens_base,
    cast(tokens_1 as bigint) as tokens,
    held_ms_0 / 3600000e0 as gpu_hours_base,
    held_ms_1 / 3600000e0 as gpu_hours,
    {{ ratio('usd_units_0', 'tokens_0') }} / 1e6 as usd_per_m_tokens_base,
    {{ ratio('usd_units_1', 'tokens_1') }} / 1e6 as usd_per_m_tokens
from levels
inner join periods on levels.period = periods.period
