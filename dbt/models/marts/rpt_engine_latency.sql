{% set keys = ['event_date', 'model', 'tier', 'region', 'metric'] %}
{% set segment = ['event_date', 'model', 'tier', 'region'] %}
{% set quantiles = {'p50': '0.50e0', 'p90': '0.90e0', 'p95': '0.95e0', 'p99': '0.99e0'} %}
with
hours as (
    select
        {{ hour_date('hours.hour_index') }} as event_date,
        hours.deployment_id,
        hours.hour_index,
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
    where {{ is_restated_hour('hours.hour_index') }}
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
),

-- All gaps between tokens, and the tokens after the first: what a gap is called an engine decides, one a step (vLLM)
-- or one a token (SGLang), and a step of speculation emits several. Their sum is the same.
decoded as (
    select
        {% for key in segment -%}
        gaps.{{ key }},
        {% endfor -%}
        sum(gaps.sum_us) as gap_us,
        sum(engine.engine_output_tokens - gaps.first_count) as token_count
    from (
        select
            {{ segment | join(', ') }},
            deployment_id,
            hour_index,
            sum(case when metric = 'inter_token_latency_seconds' then observation_sum_us end) as sum_us,
            sum(case when metric = 'time_to_first_token_seconds' then observation_count end) as first_count
        from hours
        group by {{ segment | join(', ') }}, deployment_id, hour_index
    ) as gaps
    inner join {{ ref('int_deployments__engine_hours') }} as engine
        on gaps.deployment_id = engine.deployment_id and gaps.hour_index = engine.hour_index
    where gaps.sum_us is not null and gaps.first_count is not null and engine.engine_output_tokens is not null
    group by {% for key in segment %}gaps.{{ key }}{{ ", " if not loop.last }}{% endfor %}
)

select
    {% for key in keys -%}
    quantiles.{{ key }},
    {% endfor -%}
    quantiles.observation_count,
    {{ ratio('sums.sum_us', 'quantiles.observation_count') }} / 1000000e0 as mean_seconds,
    case when quantiles.metric = 'inter_token_latency_seconds' and decoded.token_count > 0
        then {{ ratio('decoded.gap_us', 'decoded.token_count') }} / 1000000e0
    end as mean_per_token_seconds,
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
left join decoded
    on
        {% for key in segment -%}
        quantiles.{{ key }} = decoded.{{ key }}{{ " and" if not loop.last }}
        {% endfor -%}
where quantiles.observation_count > 0
