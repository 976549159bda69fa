{% set keys = ['month', 'model', 'tier', 'region', 'load_bin'] %}
with
-- Hours of a deployment by how much they carried: a bin is a factor of the root of 2 wide.
hours as (
    select
        deployment_id,
        hour_index,
        {{ year_month('hour_start') }} as month,
        model,
        tier,
        region,
        output_total_tokens,
        assigned_us,
        served_units + idle_units + waste_units as cost_units,
        cast(floor(
            2e0 * ln(cast(output_total_tokens as double) * 1000000e0 / assigned_us) / ln(2e0)
        ) as bigint) as load_bin
    from {{ ref('int_deployments__hours') }}
    where
        output_total_tokens > 0
        and assigned_us > 0
        and {{ is_of_restated_month('event_date') }}
),

bins as (
    select
        {{ keys | join(', ') }},
        count(*) as hour_count,
        sum(output_total_tokens) as output_tokens,
        sum(assigned_us) as assigned_us,
        {{ known_sum('cost_units') }} as cost_units
    from hours
    group by {{ keys | join(', ') }}
),

latencies as (
    {% for m in sketched_measures() -%}
    select
        {% for key in keys -%}
        hours.{{ key }},
        {% endfor -%}
        '{{ m }}' as measure,
        count(*) as request_count,
        {{ percentile_of_attempts(m, 95) }} as p95_seconds
    from {{ ref('int_latency__attempts') }} as attempts
    inner join hours
        on attempts.deployment_id = hours.deployment_id and attempts.hour_index = hours.hour_index
    where {{ has_latency(m) }} and {{ is_of_restated_month('attempts.started_date') }}
    group by {% for key in keys %}hours.{{ key }}{{ ", " if not loop.last }}{% endfor %}
    {{ "union all" if not loop.last }}
    {% endfor -%}
),

points as (
    select
        latencies.*,
        bins.hour_count,
        {{ ratio('bins.output_tokens', 'bins.assigned_us') }} * 1000000e0 as output_tokens_per_gpu_second,
        {{ ratio('bins.cost_units', 'bins.output_tokens') }} / 1000000e0 as usd_per_m_output
    from latencies
    inner join bins
        on {% for key in keys %}latencies.{{ key }} = bins.{{ key }}{{ " and " if not loop.last }}{% endfor %}
    where latencies.request_count >= {{ var('p95_minimum_count') }} and bins.cost_units is not null
),

ranked as (
    select
        *,
        -- Nothing at least as fast is as cheap.
        usd_per_m_output < coalesce(
            min(usd_per_m_output) over (
                partition by month, model, tier, region, measure
                order by p95_seconds asc, usd_per_m_output asc, load_bin asc
                rows between unbounded preceding and 1 preceding
            ), cast('infinity' as double)
        ) as is_on_frontier
    from points
),

stepped as (
    select
        *,
        lag(p95_seconds) over (steps) as faster_p95_seconds,
        lag(usd_per_m_output) over (steps) as faster_usd_per_m_output
    from ranked
    window steps as (
        partition by month, model, tier, region, measure, is_on_frontier order by p95_seconds asc
    )
)

select
    month,
    model,
    tier,
    region,
    measure,
    load_bin,
    hour_count,
    request_count,
    output_tokens_per_gpu_second,
    p95_seconds,
    usd_per_m_output,
    is_on_frontier,
    case when is_on_frontier then
        (faster_usd_per_m_output - usd_per_m_output) * 0.1e0 / nullif(p95_seconds - faster_p95_seconds, 0)
    end as usd_per_m_output_for_100_ms
from stepped
