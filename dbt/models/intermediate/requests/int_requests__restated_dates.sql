-- Dates whose attempts are made again: those whose lake files changed, and those with other records of
-- the same requests or traces, as they lie in the lake and as they lay in the last build.
with
{% if is_whole_build() %}
dates as (
    select event_date from {{ ref('stg_lake__requests') }}
)
{% else %}
{% set changed = restated_lake_dates('requests') %}
{% set before = adapter.get_relation(this.database, this.schema, 'int_requests__sightings') %}
touched as (
    select request_id, trace_id
    from {{ ref('stg_lake__requests') }}
    where event_date in {{ changed }}
    union
    select request_id, trace_id
    from {{ before }}
    where started_date in {{ changed }}
),

dates as (
    select event_date from {{ handed_dates() }}
    where lake_table = 'requests'
    union all
    select requests.event_date
    from {{ ref('stg_lake__requests') }} as requests
    where
        requests.request_id in (select request_id from touched)
        or requests.trace_id in (select trace_id from touched where trace_id is not null)
)
{% endif %}

select distinct event_date
from dates
