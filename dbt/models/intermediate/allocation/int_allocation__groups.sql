-- What the attempts of one date of start, tenant and outcome weigh together in a deployment's hour.
{{ config(materialized='view') }}
{% set keys = [
    'started_date', 'deployment_id', 'hour_index', 'tenant_id', 'is_served', 'cause', 'is_split',
    'has_classes',
] %}
{% set tokens = ['input_total_tokens', 'input_cache_read_tokens', 'output_total_tokens'] %}
with
special as (
    select
        {% for key in keys -%}
        hours.{{ key }},
        {% endfor -%}
        sum(parts.prefill_part) as prefill_part,
        sum(parts.cache_read_part) as cache_read_part,
        sum(parts.decode_part) as decode_part
    from {{ ref('int_allocation__special_hours') }} as hours
    inner join {{ ref('int_allocation__special_parts') }} as parts
        on
            hours.emitter = parts.emitter
            and hours.request_id = parts.request_id
            and hours.hour_index = parts.hour_index
    group by
        {% for key in keys -%}
        hours.{{ key }}{{ "," if not loop.last }}
        {% endfor %}
)

select
    {% for key in keys + tokens -%}
    work.{{ key }},
    {% endfor -%}
    methods.label,
    {{ linear_parts('methods', 'work') }}
from {{ ref('int_requests__hour_groups') }} as work
inner join {{ ref('int_allocation__methods') }} as methods
    on work.deployment_id = methods.deployment_id and work.hour_index = methods.hour_index
where methods.method in ('{{ linear_methods() | join("', '") }}')
union all
select
    {% for key in keys + tokens -%}
    work.{{ key }},
    {% endfor -%}
    methods.label,
    special.prefill_part,
    special.cache_read_part,
    special.decode_part
from {{ ref('int_requests__hour_groups') }} as work
inner join {{ ref('int_allocation__methods') }} as methods
    on work.deployment_id = methods.deployment_id and work.hour_index = methods.hour_index
inner join special
    on
        {% for key in keys -%}
        work.{{ key }} is not distinct from special.{{ key }}{{ " and" if not loop.last }}
        {% endfor %}
