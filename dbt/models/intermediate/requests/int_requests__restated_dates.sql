-- Dates whose attempts are made again: those whose lake files changed, and those with records of which
-- the changed ones tell something, as they lie in the lake and as they lay in the last build: of the same
-- calls, of the spans around and inside of them, of the calls that those saw, and of attempts that failed
-- or raced where another of the same request may have answered.
{#- Read where they are asked for: to keep those of the whole lake takes more than to read them again. #}
{% set records -%}
(
    select
        event_date,
        {{ call_key() }} as call_key,
        case when span_id is not null then trace_id end as trace_id,
        logical_request_id,
        status in ('failure', 'cancelled') or attempt is not null as may_be_superseded
    from {{ ref('stg_lake__requests') }}
)
{%- endset %}
with
{% if is_whole_build() %}
dates as (
    select event_date from {{ ref('stg_lake__requests') }}
)
{% else %}
{% set changed = restated_lake_dates('requests') %}
{% set before = adapter.get_relation(this.database, this.schema, 'int_requests__sightings') %}
{% set superseded = adapter.get_relation(this.database, this.schema, 'int_requests__superseded') %}
touched as (
    select
        call_key,
        trace_id,
        logical_request_id,
        case when may_be_superseded then logical_request_id end as lost_request_id
    from {{ records }} as records
    where event_date in {{ changed }}
    union
    select
        {{ call_key() }} as call_key,
        case when span_id is not null then trace_id end as trace_id,
        cast(null as string) as logical_request_id,
        cast(null as string) as lost_request_id
    from {{ before }}
    where started_date in {{ changed }}
),

seen as (
    select event_date, trace_id from {{ records }} as records
    where call_key in (select call_key from touched)
),

traces as (
    select trace_id from touched
    union
    select trace_id from seen
),

traced as (
    select event_date, call_key from {{ records }} as records
    where trace_id in (select trace_id from traces where trace_id is not null)
),

-- Mostly none: then the ids of all records are read once.
further as (
    select call_key from traced
    except
    select call_key from touched
),

dates as (
    select event_date from {{ handed_dates() }}
    where lake_table = 'requests'
    union all
    select event_date from seen
    union all
    select event_date from traced
    union all
    select event_date from {{ records }} as records
    where call_key in (select call_key from further)
    union all
    -- Who answered is held to what was asked first.
    select event_date from {{ records }} as records
    where
        logical_request_id in (
            select logical_request_id from touched where logical_request_id is not null
        )
        and (
            may_be_superseded
            or logical_request_id in (select lost_request_id from touched where lost_request_id is not null)
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
