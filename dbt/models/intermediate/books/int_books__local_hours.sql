-- Each UTC hour of a date that has books, and of the days around it, in each time zone that the fleet names.
{{ config(materialized='view') }}
with
zones as (
    select time_zone from {{ ref('int_books__settings') }}
    union
    select time_zone from {{ ref('stg_lake__fleet_sites') }}
    union
    select 'UTC' as time_zone
),

dates as (
    select distinct {{ day_index('event_date') }} as day_number
    from {{ ref('int_books__fingerprints') }}
),

days as (
    select day_number from dates
    union
    select day_number - 1 as day_number from dates
    union
    select day_number + 1 as day_number from dates
),

hours as (
    select {{ explode_range('day_number * 24', 'day_number * 24 + 23') }} as hour_index
    from days
),

local as (
    select
        zones.time_zone,
        {{ hour_start('hours.hour_index') }} as hour_start,
        {{ local_time(hour_start('hours.hour_index'), 'zones.time_zone') }} as local_start
    from hours
    cross join zones
)

select
    time_zone,
    hour_start,
    local_start,
    cast(local_start as date) as local_date
from local
