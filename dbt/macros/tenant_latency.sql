{# Latency of tenants, streamed and not, per `time`: hour_index or started_date. #}
{% macro tenant_latency(time) %}
{% set measures = latency_measures() %}
{% set keys = ['model', 'tier', 'region', 'tenant_id', 'is_streaming'] %}
with
grouped as (
    select
        {{ time }},
        {% for key in keys -%}
        {{ key }},
        {% endfor -%}
        {{ counted_attempts() }},
        sum(case when is_within_slo then output_total_tokens end) as good_output_tokens,
        {% for m in measures -%}
        {% for p in [50, 95, 99] -%}
        {{ percentile_of_attempts(m, p) }} as {{ m }}_p{{ p }},
        {% endfor -%}
        count(case when {{ has_latency(m) }} then 1 end) as {{ m }}_count{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_latency__attempts') }}
    where {{ is_restated('started_date') }}
    group by {{ time }}, {{ keys | join(', ') }}
)

select
    {% if time == 'hour_index' -%}
    {{ hour_start(time) }} as hour_start,
    {{ hour_date(time) }} as event_date,
    {% else -%}
    {{ time }} as event_date,
    {% endif -%}
    {% for key in keys -%}
    {{ key }},
    {% endfor -%}
    {{ attempt_counts() }},
    cast(good_output_tokens as bigint) as good_output_tokens,
    {% for m in measures -%}
    {% for p in [50, 95] -%}
    {{ m }}_p{{ p }} as {{ m }}_p{{ p }}_seconds,
    {% endfor -%}
    case when {{ m }}_count >= {{ var('p99_minimum_count') }} then {{ m }}_p99 end as {{ m }}_p99_seconds,
    {{ m }}_count{{ "," if not loop.last }}
    {% endfor %}
from grouped
{% endmacro %}
