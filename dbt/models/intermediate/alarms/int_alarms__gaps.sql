-- Scrapers and meters that were silent longer than a value holds (E2), by the date it began. The
-- cadence is what the series itself shows; a series that ends is silent as long as others of the fleet speak,
-- a meter once its readings are two days behind. What is shorter than `alarm_silence_seconds` alarms nobody.
{{ config(materialized='view') }}
{% set day = day_date(int_div('from_us', '86400000000')) %}
{% set held = 'greatest(' ~ var('held_intervals') ~ ' * interval_us, ' ~ var('alarm_silence_seconds') ~ ' * 1000000)' %}
with
front as (
    select max(seen_us) as front_us
    from (
        select max(held_from_us) as seen_us from {{ ref('int_engine__held') }}
        union all
        select max(sampled_us) as seen_us from {{ ref('int_gpu__intervals') }}
    ) as newest
),

series as (
    select
        'engine' as kind, replica_id as subject, deployment_id, held_from_us as from_us, next_us, interval_us
    from {{ ref('int_engine__held') }}
    where is_scraped_here
    union all
    select 'gpu', gpu_uuid, cast(null as string), sampled_us, next_us, interval_us
    from {{ ref('int_gpu__intervals') }}
    where is_in_fleet
),

holders as (
    select 'engine' as kind, replica_id as subject, valid_from_us, max(valid_to_us) as valid_to_us
    from {{ ref('int_fleet__endpoints') }}
    group by replica_id, valid_from_us
    union all
    select 'gpu', gpu_uuid, valid_from_us, valid_to_us
    from {{ ref('int_fleet__gpus') }}
),

silent as (
    select
        series.kind,
        series.subject,
        series.deployment_id,
        series.from_us,
        -- Who has left the fleet is silent for a reason.
        least(coalesce(series.next_us, front.front_us), holders.valid_to_us) as to_us,
        series.interval_us
    from series
    cross join front
    inner join holders
        on
            series.kind = holders.kind
            and series.subject = holders.subject
            and series.from_us >= holders.valid_from_us
            and series.from_us < holders.valid_to_us
    where
        coalesce(series.next_us, front.front_us) - series.from_us > {{ held }}
),

meters as (
    select
        islands.meter_id,
        islands.to_us as from_us,
        coalesce(
            islands.next_us, case when front.front_us - islands.to_us > 48 * {{ hour_us() }} then front.front_us end
        ) as to_us
    from (
        select
            meter_id,
            max(to_us) as to_us,
            lead(min(from_us)) over (partition by meter_id order by min(from_us) asc) as next_us
        from {{ ref('int_energy__intervals') }}
        group by meter_id, island
    ) as islands
    cross join front
    inner join (
        select facility_meter_id as meter_id from {{ ref('int_fleet__sites') }}
        union
        select it_meter_id as meter_id from {{ ref('int_fleet__sites') }}
    ) as named on islands.meter_id = named.meter_id
),

gaps as (
    select
        kind,
        subject,
        deployment_id,
        from_us,
        to_us - from_us as silent_us,
        -- At 11 and 15 past, one each minute: three are missing.
        {{ int_div('to_us - from_us - 1', 'interval_us') }} as missing_count
    from silent
    where to_us - from_us > {{ held }}
    union all
    select 'meter', meter_id, cast(null as string), from_us, to_us - from_us, cast(null as bigint)
    from meters
    where to_us > from_us
)

select
    {{ day }} as event_date,
    case when kind = 'meter' then 'meter_gap' else 'missing_scrapes' end as alarm,
    subject,
    case kind
        when 'engine' then 'the engine was not scraped'
        when 'gpu' then 'the GPU was not sampled'
        else 'the meter has no readings'
    end as cause,
    min(from_us) as since_us,
    count(*) as occurrence_count,
    0e0 as expected,
    case when kind = 'meter' then sum(silent_us) / 3600e6 else cast(sum(missing_count) as double) end as actual,
    case when kind = 'meter' then 'hours' else 'scrapes' end as unit,
    case kind
        when 'engine' then
            'select hour_start, replica_count, telemetry_coverage_ratio from fct_deployment_hours'
            || {{ of_deployment_day('max(deployment_id)', day) }}
        when 'gpu' then
            'select event_date, model, tier, region, measured_gpu_hours_ratio from rpt_energy where event_date = date '
            || {{ quoted(day) }} || ' order by all'
        else
            'select site_id, hour_start, facility_kwh, is_metered from rpt_site_hours where event_date = date '
            || {{ quoted(day) }} || ' and not is_metered order by all'
    end as query
from gaps
group by kind, subject, {{ day }}
