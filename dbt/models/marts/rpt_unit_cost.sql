{% set classes = {
    'input_uncached': ('input', 'input_uncached'),
    'input_cache_read': ('cache_read', 'input_cache_read'),
    'output': ('output', 'output_total'),
} %}
with
groups as (
    select * from {{ ref('int_costs__unit_groups') }}
    where {{ is_restated('event_date') }}
),

days as (
    select
        days.event_date,
        coalesce(deployments.model, '(unknown)') as model,
        coalesce(deployments.tier, '(unknown)') as tier,
        coalesce(deployments.region, '(unknown)') as region,
        {{ known_sum('days.active_units') }} as active_units,
        {{ known_sum('days.idle_units') }} as idle_units,
        {{ known_sum('days.overhead_units') }} as overhead_units
    from {{ ref('int_costs__deployment_days') }} as days
    left join {{ ref('int_fleet__deployments') }} as deployments
        on days.deployment_id = deployments.deployment_id
    where {{ is_restated('days.event_date') }}
    group by
        days.event_date,
        coalesce(deployments.model, '(unknown)'),
        coalesce(deployments.tier, '(unknown)'),
        coalesce(deployments.region, '(unknown)')
),

utilisation as (
    select
        busy.event_date,
        coalesce(deployments.model, '(unknown)') as model,
        coalesce(deployments.tier, '(unknown)') as tier,
        coalesce(deployments.region, '(unknown)') as region,
        sum(busy.busy_us) as busy_us,
        sum(busy.ready_us) as ready_us
    from {{ ref('int_costs__busy_days') }} as busy
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on busy.deployment_id = deployments.deployment_id
    where {{ is_restated('busy.event_date') }}
    group by
        busy.event_date,
        coalesce(deployments.model, '(unknown)'),
        coalesce(deployments.tier, '(unknown)'),
        coalesce(deployments.region, '(unknown)')
),

joined as (
    select
        {{ all_but(['event_date', 'model', 'tier', 'region', 'request_count'], 'groups') }},
        coalesce(groups.event_date, days.event_date) as event_date,
        coalesce(groups.model, days.model) as model,
        coalesce(groups.tier, days.tier) as tier,
        coalesce(groups.region, days.region) as region,
        coalesce(groups.request_count, 0) as request_count,
        days.active_units,
        days.idle_units,
        days.overhead_units,
        days.active_units + days.idle_units + days.overhead_units as loaded_units
    from groups
    full outer join days
        on
            groups.event_date = days.event_date and groups.model = days.model
            and groups.tier = days.tier and groups.region = days.region
)

select
    joined.event_date,
    joined.model,
    joined.tier,
    joined.region,
    request_count,
    input_uncached_tokens,
    input_cache_read_tokens,
    output_total_tokens,
    input_total_tokens,
    {{ money('marginal_units') }} as cost_marginal_usd,
    {{ money('active_units') }} as cost_active_usd,
    {{ money('idle_units') }} as cost_idle_usd,
    {{ money('overhead_units') }} as cost_overhead_usd,
    {{ money('loaded_units') }} as cost_fully_loaded_usd,
    {{ money('list_units') }} as cost_list_usd,
    {% for class, (cost, tokens) in classes.items() -%}
    {{ ratio('marginal_' ~ cost ~ '_units', 'marginal_' ~ tokens) }} / 1e6
        as usd_per_m_{{ class }}_marginal,
    {{ ratio('active_' ~ cost ~ '_units', 'costed_' ~ tokens) }} / 1e6 as usd_per_m_{{ class }}_active,
    -- What the group costs beyond its requests is carried in proportion to active cost.
    {{ ratio('active_' ~ cost ~ '_units', 'costed_' ~ tokens) }} / 1e6
    * {{ ratio('loaded_units', 'active_units') }} as usd_per_m_{{ class }}_fully_loaded,
    {{ ratio('list_' ~ cost ~ '_units', 'listed_' ~ tokens) }} / 1e6 as usd_per_m_{{ class }}_list,
    {% endfor -%}
    {{ ratio('loaded_units', 'input_total_tokens') }} / 1e6 as usd_per_m_input_total_fully_loaded,
    {{ ratio('loaded_units', 'input_total_tokens + output_total_tokens') }} / 1e6
        as usd_per_m_total_fully_loaded,
    {{ ratio('idle_units', 'active_units + idle_units') }} as idle_share_ratio,
    {{ ratio('utilisation.busy_us', 'utilisation.ready_us') }} as busy_util_ratio,
    utilisation.ready_us / 3600000000e0 as busy_util_den,
    {{ ratio('classed_count', 'served_count') }} as token_coverage_ratio,
    {{ ratio('listed_count', 'served_count') }} as price_coverage_ratio
from joined
left join utilisation
    on
        joined.event_date = utilisation.event_date and joined.model = utilisation.model
        and joined.tier = utilisation.tier and joined.region = utilisation.region
