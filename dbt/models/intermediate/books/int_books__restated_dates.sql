-- Dates whose marts are made again: those whose books came out different from the last complete build,
-- those whose requests were made again, and those of requests that run into such a date.
with
changed as (
    {{ changed_dates('int_books__fingerprints') }}
),

requests as (
    select event_date from {{ ref('int_requests__restated_dates') }}
    union
    select started_date as event_date
    from {{ ref('int_requests__hour_groups') }}
    where {{ hour_date('hour_index') }} in (select event_date from changed)
)

select event_date from changed
union
select event_date from requests
