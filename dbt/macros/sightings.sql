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
