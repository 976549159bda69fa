-- What each attempt weighs in each hour of its deployment, as its method says: the parts of input, cached
-- input and output. A view: per-attempt weights are nowhere stored twice.
{{ config(materialized='view') }}
{% set keys = [
    'emitter', 'request_id', 'started_date', 'hour_index', 'deployment_id', 'tenant_id', 'is_served',
    'cause', 'is_split', 'has_classes',
] %}
select
    {% for key in keys -%}
    hours.{{ key }},
    {% endfor -%}
    {{ linear_parts('methods', 'hours') }}
from {{ ref('int_requests__hours') }} as hours
inner join {{ ref('int_allocation__methods') }} as methods
    on hours.deployment_id = methods.deployment_id and hours.hour_index = methods.hour_index
where methods.method in ('{{ linear_methods() | join("', '") }}')
union all
select
    {% for key in keys -%}
    hours.{{ key }},
    {% endfor -%}
    parts.prefill_part,
    parts.cache_read_part,
    parts.decode_part
from {{ ref('int_allocation__special_hours') }} as hours
inner join {{ ref('int_allocation__special_parts') }} as parts
    on
        hours.emitter = parts.emitter
        and hours.request_id = parts.request_id
        and hours.hour_index = parts.hour_index
