-- Request ids that need a second look: of several records, which are an attempt in two files or a call
-- that several emitters saw, and of spans with others in their trace. All other records are attempts as
-- they are, so these few are all that has to be compared. With the dates of their records, which need not be looked
-- for again; of a whole build null, since all are read.
-- depends_on: {{ ref('int_requests__restated_dates') }}
{% set whole = is_whole_build() -%}
{% set all_records -%}
    select
        request_id,
        case when span_id is not null then trace_id end as trace_id,
        event_date
    from {{ ref('stg_lake__requests') }}
{%- endset %}
{#- Of the whole lake they are read three times: to keep all ids in a CTE costs more than to read them. #}
{% set records = '(' ~ all_records ~ ')' if whole else 'touched_records' %}
with
{% if not whole -%}
touched as (
    select
        request_id,
        trace_id,
        span_id
    from {{ ref('stg_lake__requests') }}
    where event_date in {{ dates_of('int_requests__restated_dates') }}
),

touched_records as (
    {{ all_records }}
    -- A span around may itself be superseded by a record of another date or trace.
    where request_id in (
        select request_id from touched
        union all
        select request_id from {{ ref('stg_lake__requests') }}
        where trace_id in (select trace_id from touched where span_id is not null)
    )
),

{% endif -%}
traces as (
    select trace_id
    from {{ records }} as spans
    where trace_id is not null
    group by trace_id
    having count(*) > 1
),

shared as (
    select request_id
    from {{ records }} as requests
    group by request_id
    having count(*) > 1
    union
    select request_id
    from {{ records }} as spans
    where trace_id in (select trace_id from traces)
)

{% if whole -%}
select request_id, cast(null as date) as event_date
from shared
{%- else -%}
select distinct request_id, event_date
from touched_records
where request_id in (select request_id from shared)
{%- endif %}
