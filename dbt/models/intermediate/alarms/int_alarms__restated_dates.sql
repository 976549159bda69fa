-- Dates whose hours are held against past weeks again: those that are made again, and those of the later weeks
-- in which they are a past one.
{% set day = epoch_us('cast(dates.event_date as timestamp)') %}
select distinct cast({{ timestamp_of_us(day ~ ' + weeks.week * 7 * ' ~ day_us()) }} as date) as event_date
from {{ ref('int_books__restated_dates') }} as dates
cross join (select {{ explode_range(0, var('anomaly_weeks')) }} as week) as weeks
