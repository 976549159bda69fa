-- What the requests of one tenant, outcome and deployment-hour bear together in a pool, in US dollars. Those
-- who were served also bear the waste that was carved out of their work.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_costs__restated_dates') }}"
) }}
{% set groups = {
    'accelerator_units': "component in ('accelerator', 'host')",
    'electricity_units': "component in ('electricity', 'cooling', 'demand')",
    'other_units': "component not in ('accelerator', 'host', 'electricity', 'cooling', 'demand')",
} %}
with
entries as (
    select
        *,
        cause in ('preempted', 'rejected_drafts') as is_carved
    from {{ ref('int_costs__entries') }}
    where category in ('served', 'waste') and {{ is_restated('event_date', 'int_costs__restated_dates') }}
),

borne as (
    select
        {{ all_but(['category', 'cause', 'is_carved']) }},
        case when is_carved then 'served' else category end as category,
        case when is_carved then null else cause end as cause
    from entries
)

select
    deployment_id,
    hour_index,
    pool,
    tenant_id,
    category,
    cause,
    {% for name, condition in groups.items() -%}
    case when count(case when {{ condition }} then 1 end) > 0 then {{ known_sum('usd_units', condition) }} end as {{ name }},
    {% endfor -%}
    count(case when usd_units is null then 1 end) > 0 as has_missing_rate
from borne
group by deployment_id, hour_index, pool, tenant_id, category, cause
