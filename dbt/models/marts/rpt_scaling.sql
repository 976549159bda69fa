-- Hours of a period by how many tokens they processed, in steps of 1, 2, 5, 10, and the straight line through
-- them: cost of an hour = fixed + variable × tokens. Sums of whole millionths of a dollar, so that the line
-- does not depend on the order of hours.
{{ config(materialized='table') }}
{% set s_xx, s_xy, s_yy = 'n * xx - x * x', 'n * xy - x * y', 'n * yy - y * y' %}
with
hours as (
    select
        dates.period,
        hours.deployment_id,
        usd_units,
        cast(tokens as {{ big_integer() }}) as tokens,
        cast({{ mul_div_round('usd_units', '1', '1000000') }} as {{ big_integer() }}) as micros,
        case when tokens > 0 then length(cast(tokens as string)) - 1 end as magnitude,
        case
            when substr(cast(tokens as string), 1, 1) in ('5', '6', '7', '8', '9') then 5
            when substr(cast(tokens as string), 1, 1) in ('2', '3', '4') then 2
            else 1
        end as lead
    from {{ ref('int_finance__deployment_hours') }} as hours
    inner join {{ ref('int_finance__period_dates') }} as dates on hours.event_date = dates.event_date
),

buckets as (
    select
        period,
        deployment_id,
        coalesce(cast(rpad(cast(lead as string), cast(magnitude + 1 as int), '0') as bigint), 0) as volume_from,
        count(*) as hour_count,
        sum(tokens) as tokens,
        {{ known_sum('usd_units') }} as usd_units
    from hours
    group by 1, 2, 3
),

sums as (
    select
        period,
        deployment_id,
        cast(count(*) as {{ big_integer() }}) as n,
        sum(tokens) as x,
        sum(micros) as y,
        sum(tokens * tokens) as xx,
        sum(tokens * micros) as xy,
        sum(micros * micros) as yy
    from hours
    where micros is not null
    group by period, deployment_id
),

lines as (
    select
        *,
        {{ ratio(s_xy, s_xx) }} as slope,
        cast({{ s_xy }} as double) * {{ ratio(s_xy, s_xx) }} as explained,
        cast({{ s_yy }} as double) as whole,
        cast({{ s_xx }} as double) as spread
    from sums
    -- Two hours always lie on a line, and hours of the same volume say nothing about it.
    where n > 2
),

fitted as (
    select
        period,
        deployment_id,
        cast(n as bigint) as fit_hour_count,
        slope,
        (cast(y as double) - slope * cast(x as double)) / cast(n as double) / 1e6 as fixed_usd,
        sqrt({{ at_least_zero('whole - explained') }} / cast(n - 2 as double) / nullif(spread, 0)) as slope_error,
        explained / nullif(whole, 0) as explained_share,
        cast(y as double) / cast(n as double) / 1e6 as mean_usd
    from lines
),

prices as (
    select calendar, period, deployment_id, min(buy_usd_per_m_tokens) as list_rate
    from {{ ref('rpt_breakeven') }}
    group by calendar, period, deployment_id
),

costs as (
    select
        period,
        deployment_id,
        model,
        tier,
        region,
        tokens,
        {{ ratio('cost_units', 'tokens') }} / 1e6 as rate
    from {{ ref('int_finance__deployment_periods') }}
)

select
    periods.calendar,
    periods.period_name as period,
    periods.first_date as period_start,
    periods.month,
    buckets.deployment_id,
    costs.model,
    costs.tier,
    costs.region,
    buckets.volume_from as volume_from_tokens_per_hour,
    cast(buckets.hour_count as bigint) as hour_count,
    cast(buckets.tokens as bigint) as token_count,
    {{ money('buckets.usd_units') }} as cost_usd,
    {{ ratio('buckets.usd_units', 'buckets.tokens') }} / 1e6 as usd_per_m_tokens,
    fitted.fixed_usd as fixed_usd_per_hour,
    fitted.slope as variable_usd_per_m_tokens,
    fitted.slope_error as variable_usd_per_m_tokens_error,
    fitted.explained_share as explained_ratio,
    fitted.fit_hour_count,
    case when fitted.mean_usd <> 0 then fitted.fixed_usd / fitted.mean_usd end as fixed_cost_share_ratio,
    case when fitted.mean_usd <> 0 then -fitted.fixed_usd / fitted.mean_usd end as unit_cost_elasticity,
    costs.rate as month_usd_per_m_tokens,
    case
        when costs.tokens > 0 and before.tokens > 0 and costs.tokens <> before.tokens
            and costs.rate > 0 and before.rate > 0
            then ln(costs.rate / before.rate)
                / ln(cast(costs.tokens as double) / cast(before.tokens as double))
    end as unit_cost_elasticity_to_month_before,
    prices.list_rate as list_usd_per_m_tokens
from buckets
inner join {{ ref('int_finance__periods') }} as periods on buckets.period = periods.period
inner join costs
    on buckets.period = costs.period and buckets.deployment_id = costs.deployment_id
left join costs as before
    on periods.base_period = before.period and buckets.deployment_id = before.deployment_id
left join fitted
    on buckets.period = fitted.period and buckets.deployment_id = fitted.deployment_id
left join prices
    on
        periods.calendar = prices.calendar and periods.period_name = prices.period
        and buckets.deployment_id = prices.deployment_id
