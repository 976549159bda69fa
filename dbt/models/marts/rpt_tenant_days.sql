-- What `fct_requests` says, added up, so that the months of a tenant need not read every attempt.
{% set costs = ['active', 'fully_loaded', 'list'] %}
with
attempts as (
    select
        event_date,
        tenant_id,
        coalesce(model, '(unknown)') as model,
        input_total_tokens,
        output_total_tokens,
        {% for cost in costs -%}
        {{ money_units('cost_' ~ cost ~ '_usd') }} as {{ cost }}_units
        {{- "," if not loop.last }}
        {% endfor %}
    from {{ ref('fct_requests') }}
    where {{ is_restated('event_date') }}
)

select
    event_date,
    tenant_id,
    model,
    count(*) as request_count,
    cast(sum(input_total_tokens) as bigint) as input_total_tokens,
    cast(sum(output_total_tokens) as bigint) as output_total_tokens,
    count(fully_loaded_units) as costed_count,
    {% for cost in costs -%}
    {{ money('sum(' ~ cost ~ '_units)') }} as cost_{{ cost }}_usd
    {{- "," if not loop.last }}
    {% endfor %}
from attempts
group by event_date, tenant_id, model
