{% set keys = ['event_date', 'model', 'tier', 'region', 'metric'] %}
{% set quantiles = {'p50': '0.50e0', 'p90': '0.90e0', 'p95': '0.95e0', 'p99': '0.99e0'} %}
with
hours as (
    select
        {{ hour_date('hours.hour_index') }} as event_date,
        coalesce(deployments.model, '(unknown)') as model,
        coalesce(deployments.tier, '(unknown)') as tier,
        coalesce(deployments.region, '(unknown)') as region,
        hours.metric,
        hours.layout,
        hours.upper_bound,
        hours.observation_count,
        hours.observation_sum_us
    from {{ ref('int_latency__histogram_hours') }} as hours
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on hours.deployment_id = deployments.deployment_id
    where {{ is_restated(hour_date('hours.hour_index')) }}
),

merged as (
    {{ merged_buckets('hours', keys) }}
),

buckets as (
    {{ numbered_buckets('merged', keys) }}
),

quantiles as (
    select
        {{ keys | join(', ') }},
        max(total_count) as observation_count,
        count(case when upper_bound < cast('infinity' as double) then 1 end) as bucket_count,
        {% for name, q in quantiles.items() -%}
        {{ histogram_quantile(q) }} as {{ name }}_seconds,
        {{ quantile_is_censored(q) }} as {{ name }}_is_censored{{ "," if not loop.last }}
        {% endfor %}
    from buckets
    group by {{ keys | join(', ') }}
),

sums as (
    select
        {{ keys | join(', ') }},
        sum(observation_sum_us) as sum_us
    from hours
    group by {{ keys | join(', ') }}
)

select
    {% for key in keys -%}
    quantiles.{{ key }},
    {% endfor -%}
    quantiles.observation_count,
    {{ ratio('sums.sum_us', 'quantiles.observation_count') }} / 1000000e0 as mean_seconds,
    {% for name in quantiles -%}
    {% if name == 'p99' -%}
    case when quantiles.observation_count >= {{ var('p99_minimum_count') }} then quantiles.p99_seconds end
        as p99_seconds,
    {% else -%}
    quantiles.{{ name }}_seconds,
    {% endif -%}
    quantiles.{{ name }}_is_censored,
    {% endfor -%}
    quantiles.observation_count < {{ var('p99_minimum_count') }} as is_low_n,
    quantiles.bucket_count
from quantiles
inner join sums
    on
        {% for key in keys -%}
        quantiles.{{ key }} = sums.{{ key }}{{ " and" if not loop.last }}
        {% endfor -%}
where quantiles.observation_count > 0
