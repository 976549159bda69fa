-- What wants to be looked at, made anew as a whole: a series is silent as long as others speak on.
{{ config(materialized='table') }}
with
skew as (
    select
        event_date,
        'clock_skew' as alarm,
        emitter || coalesce(' and ' || other_emitter, '') as subject,
        case
            when other_emitter is null then 'times of one request run backwards'
            when median_skew_us > 0 then other_emitter || ' is ahead of ' || emitter
            else other_emitter || ' is behind ' || emitter
        end as cause,
        {{ epoch_us('cast(event_date as timestamp)') }} as since_us,
        call_count as occurrence_count,
        0e0 as expected,
        p95_skew_us / 1e6 as actual,
        'seconds' as unit,
        'select emitter, request_id, started_at, first_token_at, ended_at, sighting_count from fct_requests'
        || ' where event_date = date ' || {{ quoted('event_date') }} || ' and emitter in ('
        || {{ quoted('emitter') }} || coalesce(', ' || {{ quoted('other_emitter') }}, '') || ')'
        || case
            when other_emitter is null then ' and (first_token_at < started_at or ended_at < started_at or ended_at < first_token_at)'
            else ' and sighting_count > 1'
        end || ' order by all' as query
    from {{ ref('int_requests__clock_skew') }}
    where p95_skew_us > {{ var('skew_limit_us') }} and call_count >= {{ var('p95_minimum_count') }}
),

meters as (
    select
        {{ hour_date('hour_index') }} as event_date,
        'energy_gap' as alarm,
        gpu_uuid as subject,
        'counted energy differs from that of power' as cause,
        min(hour_index) * {{ hour_us() }} as since_us,
        count(*) as occurrence_count,
        sum(checked_power_mj) / 3.6e9 as expected,
        sum(checked_counter_mj) / 3.6e9 as actual,
        'kWh' as unit,
        'select event_date, model, tier, region, counter_residual_ratio, counter_residual_den from rpt_energy'
        || ' where event_date = date ' || {{ quoted(hour_date('hour_index')) }} || ' order by all' as query
    from {{ ref('int_gpu__energy_hours') }}
    where is_in_fleet and checked_counter_mj is not null
    group by {{ hour_date('hour_index') }}, gpu_uuid
    having
        abs(sum(checked_counter_mj) - sum(checked_power_mj))
        > {{ var('energy_gap_ratio') }} * sum(checked_counter_mj)
)

select
    event_date,
    alarm,
    subject,
    cause,
    {{ timestamp_of_us('since_us') }} as since,
    occurrence_count,
    expected,
    actual,
    abs(actual - expected) as size,
    unit,
    query
from (
    select * from skew
    union all
    select * from meters
    {% for part in ['deployments', 'gaps', 'anomalies'] -%}
    union all
    select * from {{ ref('int_alarms__' ~ part) }}
    {% endfor -%}
) as alarms
