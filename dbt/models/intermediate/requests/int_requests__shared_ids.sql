-- Request ids that need a second look: of several records, which are an attempt in two files or a call
-- that several emitters saw, and of spans with others in their trace. All other records are attempts as
-- they are, so these few are all that has to be compared. With the dates of their records, which need not be looked
-- for again; of a whole build null, since all are read.
-- depends_on: {{ ref('int_requests__restated_dates') }}
{% set whole = is_whole_build() -%}
{% set all_records = ref('int_requests__ids') -%}
{% set records = all_records if whole else 'touched_records' -%}
with
{% if not whole -%}
touched as (
    select
        request_hash,
        trace_hash
    from {{ all_records }}
    where event_date in {{ dates_of('int_requests__restated_dates') }}
),

touched_records as (
    select
        request_hash,
        trace_hash,
        event_date
    from {{ all_records }}
    -- A span around may itself be superseded by a record of another date or trace.
    where request_hash in (
        select request_hash from touched
        union all
        select request_hash from {{ all_records }}
        where trace_hash in (select trace_hash from touched where trace_hash is not null)
    )
),

{% endif -%}
traces as (
    select trace_hash
    from {{ records }} as spans
    where trace_hash is not null
    group by trace_hash
    having count(*) > 1
),

shared as (
    select request_hash
    from {{ records }} as requests
    group by request_hash
    having count(*) > 1
    union
    select request_hash
    from {{ records }} as spans
    where trace_hash in (select trace_hash from traces)
)

{% if whole -%}
select request_hash, cast(null as date) as event_date
from shared
{%- else -%}
select distinct request_hash, event_date
from touched_records
where request_hash in (select request_hash from shared)
{%- endif %}
