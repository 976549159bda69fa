-- Hours whose latency or cost per token is far from the same hour of past weeks: from their median by more
-- than `anomaly_limit` times what they usually differ from it by, their median absolute deviation as a standard
-- deviation, and that at least `anomaly_floor_ratio` of the median: three weeks may agree by chance.
{{ config(materialized='incremental', pre_hook="{{ forget_restated('event_date', 'int_alarms__restated_dates') }}") }}
{% set day = hour_date('hour_index') ~ ', model, tier, region, measure' %}
with
hours as (
    {% for m in ['ttft', 'tpot', 'e2e'] -%}
    select
        hour_index, model, tier, region,
        '{{ m }}_p95' as measure,
        {{ m }}_p95_seconds as measured
    from {{ ref('int_latency__hours') }}
    where {{ m }}_count >= {{ var('anomaly_minimum_count') }}
    union all
    {% endfor -%}
    select
        hour_index, model, tier, region,
        'unit_cost' as measure,
        {{ ratio('sum(served_units + idle_units + waste_units)', 'sum(output_total_tokens)') }} / 1e6
            as measured
    from {{ ref('int_deployments__hours') }}
    group by hour_index, model, tier, region
    having
        sum(request_count) >= {{ var('anomaly_minimum_count') }}
        and {{ known_sum('served_units + idle_units + waste_units') }} is not null
        and {{ known_sum('output_total_tokens') }} > 0
),

weeks as (
    select {{ explode_range(1, var('anomaly_weeks')) }} as week
),

-- The hour that is looked for is a column of its own: reckoned in the condition, it would be no key of the
-- join, and all hours of a segment would be held against all others.
asked as (
    select
        hours.*,
        hours.hour_index - 168 * weeks.week as past_hour_index
    from hours
    cross join weeks
    where {{ is_restated_hour('hours.hour_index', 'int_alarms__restated_dates') }}
),

pairs as (
    select
        now.hour_index,
        now.model,
        now.tier,
        now.region,
        now.measure,
        now.measured,
        past.measured as past_measured
    from asked as now
    inner join hours as past
        on
            now.past_hour_index = past.hour_index
            and now.measure = past.measure
            and now.model is not distinct from past.model
            and now.tier is not distinct from past.tier
            and now.region is not distinct from past.region
),

usual as (
    select
        hour_index, model, tier, region, measure, measured,
        percentile_cont(0.5) within group (order by past_measured asc) as usual_measured
    from pairs
    group by hour_index, model, tier, region, measure, measured
    having count(*) >= {{ var('anomaly_minimum_weeks') }}
),

spread as (
    select
        usual.*,
        deviations.deviation
    from usual
    inner join (
        select
            pairs.hour_index, pairs.model, pairs.tier, pairs.region, pairs.measure,
            percentile_cont(0.5) within group (
                order by abs(pairs.past_measured - usual.usual_measured) asc
            ) as deviation
        from pairs
        inner join usual
            on
                pairs.hour_index = usual.hour_index
                and pairs.measure = usual.measure
                and pairs.model is not distinct from usual.model
                and pairs.tier is not distinct from usual.tier
                and pairs.region is not distinct from usual.region
        group by pairs.hour_index, pairs.model, pairs.tier, pairs.region, pairs.measure
    ) as deviations
        on
            usual.hour_index = deviations.hour_index
            and usual.measure = deviations.measure
            and usual.model is not distinct from deviations.model
            and usual.tier is not distinct from deviations.tier
            and usual.region is not distinct from deviations.region
),

limits as (
    select
        *,
        {{ var('anomaly_limit') }} * greatest(
            1.4826e0 * deviation, {{ var('anomaly_floor_ratio') }} * usual_measured
        ) as allowed
    from spread
),

worst as (
    select
        *,
        {{ hour_date('hour_index') }} as event_date,
        row_number() over (
            partition by {{ day }}, measured > usual_measured
            order by abs(measured - usual_measured) / allowed desc, hour_index asc
        ) as place,
        min(hour_index) over (partition by {{ day }}, measured > usual_measured) as first_hour_index,
        count(*) over (partition by {{ day }}, measured > usual_measured) as occurrence_count
    from limits
    where
        measured - usual_measured > allowed
        -- Cheap tokens may be a bill that is missing; fast ones are no cause for alarm.
        or (measure = 'unit_cost' and usual_measured - measured > allowed)
)

select
    event_date,
    case when measure = 'unit_cost' then 'unit_cost_anomaly' else 'latency_anomaly' end as alarm,
    model || ' ' || tier || ' ' || region as subject,
    measure || case when measured > usual_measured then ' above' else ' below' end
    || ' the same hour of past weeks' as cause,
    first_hour_index * {{ hour_us() }} as since_us,
    occurrence_count,
    usual_measured as expected,
    measured as actual,
    case when measure = 'unit_cost' then 'USD per million output tokens' else 'seconds' end as unit,
    case when measure = 'unit_cost' then
        'select hour_start, sum(cost_served_usd + cost_idle_usd + cost_waste_usd) as cost_usd, sum(output_total_tokens)'
        || ' as output_total_tokens from fct_deployment_hours'
    else
        'select hour_start, tenant_id, request_count, ' || measure || '_seconds from rpt_latency_hours'
    end
    || ' where model = ' || {{ quoted('model') }} || ' and tier = ' || {{ quoted('tier') }}
    || ' and region = ' || {{ quoted('region') }} || ' and date_diff(' || {{ quoted("'hour'") }}
    || ', hour_start, timestamp ' || {{ quoted(hour_start('hour_index')) }} || ') % 168 = 0'
    || case when measure = 'unit_cost' then ' group by hour_start' else '' end || ' order by all' as query
from worst
where place = 1
