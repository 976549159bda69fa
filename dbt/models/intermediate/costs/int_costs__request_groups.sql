-- What the requests of one tenant, outcome and deployment-hour bear together, in US dollars.
{% set groups = {
    'accelerator_units': "component in ('accelerator', 'host')",
    'electricity_units': "component in ('electricity', 'cooling', 'demand')",
    'other_units': "component not in ('accelerator', 'host', 'electricity', 'cooling', 'demand')",
} %}
select
    deployment_id,
    hour_index,
    tenant_id,
    category,
    cause,
    {% for name, condition in groups.items() -%}
    case when count(case when {{ condition }} then 1 end) > 0 then {{ known_sum('usd_units', condition) }} end as {{ name }},
    {% endfor -%}
    count(case when usd_units is null then 1 end) > 0 as has_missing_rate
from {{ ref('int_costs__entries') }}
where category in ('served', 'waste')
group by deployment_id, hour_index, tenant_id, category, cause
