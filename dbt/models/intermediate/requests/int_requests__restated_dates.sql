-- Dates whose attempts are made again: those whose lake files changed, and those with records of which
-- the changed ones tell something, as they lie in the lake and as they lay in the last build: of the same
-- calls, of the spans around and inside of them, of the calls that those saw, and of attempts that failed
-- or raced where another of the same request may have answered.
{% set records = ref('int_requests__ids') -%}
with
{% if is_whole_build() %}
dates as (
    select event_date from {{ records }}
)
{% else %}
{% set changed = restated_lake_dates('requests') %}
{% set before = adapter.get_relation(this.database, this.schema, 'int_requests__sightings') %}
{% set superseded = adapter.get_relation(this.database, this.schema, 'int_requests__superseded') %}
touched as (
    select
        request_hash,
        counted_by,
        trace_hash,
        logical_hash,
        case when may_be_superseded then logical_hash end as lost_hash
    from {{ records }}
    where event_date in {{ changed }}
    union
    select
        {{ text_hash('request_id') }} as request_hash,
        {{ counted_by() }} as counted_by,
        {{ text_hash("case when span_id is not null then trace_id end") }} as trace_hash,
        null as logical_hash,
        null as lost_hash
    from {{ before }}
    where started_date in {{ changed }}
),

seen as (
    select event_date, trace_hash from {{ records }}
    where
        -- A number alone is looked for much faster than a pair.
        request_hash in (select request_hash from touched)
        and (request_hash, counted_by) in (select request_hash, counted_by from touched)
),

traces as (
    select trace_hash from touched
    union
    select trace_hash from seen
),

traced as (
    select event_date, request_hash, counted_by from {{ records }}
    where trace_hash in (select trace_hash from traces where trace_hash is not null)
),

-- Mostly none: then the ids of all records are looked at once.
further as (
    select request_hash, counted_by from traced
    except
    select request_hash, counted_by from touched
),

dates as (
    select event_date from {{ handed_dates() }}
    where lake_table = 'requests'
    union all
    select event_date from seen
    union all
    select event_date from traced
    union all
    select event_date from {{ records }}
    where
        request_hash in (select request_hash from further)
        and (request_hash, counted_by) in (select request_hash, counted_by from further)
    union all
    -- Who answered is held to what was asked first.
    select event_date from {{ records }}
    where
        logical_hash in (select logical_hash from touched where logical_hash is not null)
        and (
            may_be_superseded
            or logical_hash in (select lost_hash from touched where lost_hash is not null)
        )
    union all
    select won_date as event_date
    from {{ superseded }}
    where started_date in {{ changed }}
    union all
    -- Whose answer lay on a date that changed, whether it still does or not.
    select started_date as event_date
    from {{ superseded }}
    where won_date in {{ changed }}
)
{% endif %}

select distinct event_date
from dates
