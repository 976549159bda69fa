-- What requests bear is what the ledger says their tenants and deployments bear, by component; where a rate is missing
-- for a part of it the dollars of its requests are unknown.
{% set parts = {
    'cost_accelerator_usd': "component in ('accelerator', 'host')",
    'cost_electricity_usd': "component in ('electricity', 'cooling', 'demand')",
    'cost_other_usd': "component not in ('accelerator', 'host', 'electricity', 'cooling', 'demand')",
} %}
with
requests as (
    select
        deployment_id,
        tenant_id,
        {% for column in parts -%}
        coalesce(sum({{ column }}), 0) as {{ column }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('fct_requests') }}
    where deployment_id is not null
    group by deployment_id, tenant_id
),

ledger as (
    select
        deployment_id,
        tenant_id,
        {% for column, condition in parts.items() -%}
        coalesce(sum(case when {{ condition }} then cost_usd end), 0) as {{ column }},
        count(case when {{ condition }} and cost_usd is null then 1 end) as {{ column }}_unknown
        {{- "," if not loop.last }}
        {% endfor %}
    from {{ ref('fct_cost_ledger') }}
    where category in ('served', 'waste')
    group by deployment_id, tenant_id
)

select ledger.*
from ledger
left join requests
    on
        ledger.deployment_id = requests.deployment_id
        and ledger.tenant_id is not distinct from requests.tenant_id
where
    {% for column in parts -%}
    ({{ "ledger." ~ column }}_unknown = 0 and ledger.{{ column }} is distinct from requests.{{ column }})
    {{- " or" if not loop.last }}
    {% endfor %}
