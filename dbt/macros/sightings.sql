{# What the sightings of one call have in common. Shorter ids are counters, which two emitters share by
   chance. #}
{% macro call_key() -%}
case when length(request_id) >= 16 then request_id else emitter || ' ' || request_id end
{%- endmacro %}

{# Whose counter a short id is; a long one is everyone's. With the id's number it is the call's. #}
{% macro counted_by() -%}case when length(request_id) >= 16 then '' else emitter end{%- endmacro %}

{# What one emitter may know of a call and another not. #}
{% macro filled_from_sightings() %}
{{ return([
    'logical_request_id', 'trace_id', 'session_id', 'queue_seconds', 'prefill_seconds',
    'decode_seconds', 'ttfo_seconds', 'icl_seconds', 'model_requested', 'model_served', 'provider', 'deployment_key', 'endpoint',
    'region', 'client_region', 'tenant_id', 'team_id', 'user_pseudonym', 'api_key_pseudonym', 'tags',
    'input_total_tokens', 'output_total_tokens', 'is_streaming', 'finish_reason', 'error_type',
    'is_gateway_cache_hit', 'reported_cost_usd', 'prompt_fingerprint', 'routing_propensity', 'quality_score',
]) }}
{% endmacro %}

{# Parts of the input tokens. #}
{% macro input_parts() %}
{{ return([
    'input_cache_read_tokens', 'input_cache_write_tokens', 'input_cache_write_5m_tokens',
    'input_cache_write_1h_tokens',
]) }}
{% endmacro %}

{# One row per attempt, as the lake tells it. Most records are attempts as they are; what became of those that share
   a request id the sightings tell. Records are those of some dates, told attempts those of all. #}
{% macro seen_attempts(dates) %}
{%- set filled = filled_from_sightings() + input_parts() -%}
with
told as (
    select
        {{ all_but(filled + ['is_outer'], 'sightings') }},
        {% for column in filled -%}
        coalesce(sightings.{{ column }}, calls.{{ column }}) as {{ column }},
        {% endfor -%}
        coalesce(calls.sighting_count, 1) as sighting_count
    from {{ ref('int_requests__sightings') }} as sightings
    left join {{ ref('int_requests__calls') }} as calls
        on sightings.emitter = calls.emitter and sightings.request_id = calls.request_id
    where
        not sightings.is_outer
        and coalesce(calls.is_lead, true)
),

plain as (
    select
        {{ all_but(filled, 'requests') }},
        requests.event_date as started_date,
        {% for column in filled -%}
        requests.{{ column }},
        {% endfor -%}
        cast(1 as bigint) as sighting_count
    from {{ records_of(dates_query(dates)) }} as requests
    where
        not exists (
            select 1 from {{ ref('int_requests__sightings') }} as sightings
            where sightings.request_id = requests.request_id
        )
)

select * from plain
union all
select * from told
{% endmacro %}
