-- Attempts whose request id is shared, one row per emitter that saw one. Of what lies in several files the
-- last state counts; of spans in one another the innermost, which takes from those around it what only they
-- know. Those around it are no attempts (`is_outer`); they stay so that, once gone, it is known whom they told.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
{% set known_outside = [
    'tenant_id', 'team_id', 'user_pseudonym', 'api_key_pseudonym', 'session_id', 'logical_request_id',
    'client_region', 'tags', 'model_requested', 'deployment_key', 'is_streaming',
    'routing_propensity', 'quality_score',
] %}
with
requests as (
    select *
    from {{ records_of(dates_query('int_requests__shared_ids')) }} as records
    where
        {{ text_hash('request_id') }} in (select request_hash from {{ ref('int_requests__shared_ids') }})
        and {{ is_restated('event_date', 'int_requests__shared_ids') }}
),

records as (
    select *
    from requests
    -- The same attempt may lie in two files, once unfinished: the last state wins, then file order.
    qualify row_number() over (
        partition by emitter, request_id
        order by
            ended_at desc nulls last, output_total_tokens desc nulls last,
            source_file asc nulls last, source_line asc nulls last, source_digest asc nulls last
    ) = 1
),

spans as (
    select *
    from records
    where trace_id is not null and span_id is not null
    qualify row_number() over (
        partition by trace_id, span_id order by emitter asc, request_id asc
    ) = 1
),

outer_spans as (
    select distinct around.trace_id, around.span_id
    from spans as around
    inner join spans as inside
        on around.trace_id = inside.trace_id and around.span_id = inside.parent_span_id
    -- Two spans that name each other as parent enclose nothing.
    where inside.span_id is distinct from around.parent_span_id
),

placed as (
    select
        records.*,
        outer_spans.span_id is not null as is_outer
    from records
    left join outer_spans
        on records.trace_id = outer_spans.trace_id and records.span_id = outer_spans.span_id
)

select
    {{ all_but(known_outside, 'placed') }},
    -- A gateway around an SDK around an engine is as deep as it gets.
    {% for column in known_outside -%}
    coalesce(placed.{{ column }}, first.{{ column }}, second.{{ column }}, third.{{ column }})
        as {{ column }},
    {% endfor -%}
    cast(placed.started_at as date) as started_date
from placed
left join spans as first
    on placed.trace_id = first.trace_id and placed.parent_span_id = first.span_id
left join spans as second
    on first.trace_id = second.trace_id and first.parent_span_id = second.span_id
left join spans as third
    on second.trace_id = third.trace_id and second.parent_span_id = third.span_id
where {{ is_restated('cast(placed.started_at as date)', 'int_requests__restated_dates') }}
