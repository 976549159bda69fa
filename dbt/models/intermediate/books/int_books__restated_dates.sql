-- Dates whose marts are made again: those whose books came out different from the last complete build,
-- those whose requests were made again, and those of requests that run into such a date.
{% set as_built = adapter.get_relation(target.database, 'restatement', 'books_as_built') %}
with
{% if is_whole_build() or as_built is none %}
changed as (
    select event_date from {{ ref('int_books__fingerprints') }}
),
{% else %}
changed as (
    select coalesce(now.event_date, built.event_date) as event_date
    from {{ ref('int_books__fingerprints') }} as now
    full outer join {{ as_built }} as built
        on now.event_date = built.event_date and now.part = built.part
    where now.fingerprint is distinct from built.fingerprint
),
{% endif %}

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
