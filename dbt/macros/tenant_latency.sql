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
        count(*) as request_count,
        count(case when status = 'success' then 1 end) as success_count,
        count(case when status = 'cancelled' then 1 end) as cancelled_count,
        count(case when status = 'failure' then 1 end) as failed_count,
        count(case when status = 'rejected' then 1 end) as rejected_count,
        count(case when status = 'unknown' then 1 end) as unknown_count,
        count(case when is_superseded then 1 end) as superseded_count,
        count(case when is_judged then 1 end) as attainment_den,
        count(case when is_within_slo then 1 end) as attained_count,
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
    request_count,
    success_count,
    cancelled_count,
    failed_count,
    rejected_count,
    unknown_count,
    superseded_count,
    {{ ratio('attained_count', 'attainment_den') }} as attainment_ratio,
    attainment_den,
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
