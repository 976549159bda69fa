{{ config(materialized='table') }}
with
days as (
    select
        {{ year_month('started_date') }} as month,
        *
    from {{ ref('int_cache__days') }}
),

prices as (
    select
        event_date,
        deployment_id,
        sum(active_input_units) as input_units,
        sum(costed_input_uncached) as input_tokens
    from {{ ref('int_costs__unit_shares') }}
    group by event_date, deployment_id
),

priced as (
    select
        days.*,
        {{ int_div(
            'cast(days.hit_tokens as ' ~ big_integer() ~ ') * prices.input_units',
            'nullif(prices.input_tokens, 0)'
        ) }} as avoided_units
    from days
    left join prices
        on days.deployment_id = prices.deployment_id and days.started_date = prices.event_date
),

months as (
    select
        month,
        tenant_id,
        model,
        sum(request_count) as request_count,
        sum(hashed_count) as hashed_count,
        sum(input_total_tokens) as input_total_tokens,
        sum(hit_tokens) as hit_tokens,
        case when count(case when hit_tokens > 0 and avoided_units is null then 1 end) = 0
            then sum(avoided_units)
        end as avoided_units
    from priced
    group by month, tenant_id, model
),

hits as (
    select
        {{ year_month('hits.started_date') }} as month,
        hits.tenant_id,
        hits.filled_by,
        coalesce(deployments.model, '(unknown)') as model,
        hits.hit_tokens
    from {{ ref('int_cache__hits') }} as hits
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on hits.deployment_id = deployments.deployment_id
),

profited as (
    select
        month,
        tenant_id,
        model,
        sum(case when filled_by = tenant_id then hit_tokens else 0 end) as own_tokens,
        sum(case when filled_by <> tenant_id then hit_tokens else 0 end) as others_tokens
    from hits
    group by month, tenant_id, model
),

filled as (
    select month, filled_by as tenant_id, model, sum(hit_tokens) as used_by_others
    from hits
    where filled_by <> tenant_id
    group by month, filled_by, model
)

select
    months.month,
    months.tenant_id,
    months.model,
    cast(months.request_count as bigint) as request_count,
    cast(months.input_total_tokens as bigint) as input_total_tokens,
    cast(months.hit_tokens as bigint) as hit_tokens,
    {{ ratio('months.hit_tokens', 'months.input_total_tokens') }} as hit_ratio,
    case when months.hashed_count > 0 then cast(coalesce(profited.own_tokens, 0) as bigint) end
        as hit_own_fill_tokens,
    case when months.hashed_count > 0 then cast(coalesce(profited.others_tokens, 0) as bigint) end
        as hit_others_fill_tokens,
    case when months.hashed_count > 0 then cast(coalesce(filled.used_by_others, 0) as bigint) end
        as fill_used_by_others_tokens,
    {{ money('months.avoided_units') }} as avoided_prefill_cost_usd,
    {{ ratio('months.hashed_count', 'months.request_count') }} as hashed_coverage_ratio
from months
left join profited
    on
        months.month = profited.month and months.tenant_id = profited.tenant_id
        and months.model = profited.model
left join filled
    on
        months.month = filled.month and months.tenant_id = filled.tenant_id
        and months.model = filled.model
