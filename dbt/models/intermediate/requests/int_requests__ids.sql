-- Ids of each record in the lake, as numbers, by date: what is looked for among the records of all dates is looked
-- for here, so that neither their parts nor their texts are read. Two ids with one number would only be looked at
-- together, by who then reads the records themselves.
{{ config(materialized='incremental', pre_hook="{{ forget_restated('event_date', 'requests') }}") }}
select
    event_date,
    {{ text_hash('request_id') }} as request_hash,
    {{ counted_by() }} as counted_by,
    {{ text_hash("case when span_id is not null then trace_id end") }} as trace_hash,
    {{ text_hash('logical_request_id') }} as logical_hash,
    status in ('failure', 'cancelled') or attempt is not null as may_be_superseded
from {{ records_of(lake_dates_query('requests') if not is_whole_build()) }} as records
