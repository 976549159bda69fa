-- Tokens and costs per day × model × tier × region, in whole units.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
{% set tokens = ['input_uncached', 'input_cache_read', 'output_total'] %}
{% set counts = ['request_count', 'served_count', 'classed_count', 'listed_count'] %}
select
    event_date,
    model,
    tier,
    region,
    {% for class in ['input_total'] + tokens -%}
    cast(sum({{ class }}_tokens) as bigint) as {{ class }}_tokens,
    {% endfor -%}
    {% for known in ['costed', 'marginal', 'listed'] -%}
    {% for class in tokens -%}
    sum({{ known }}_{{ class }}) as {{ known }}_{{ class }},
    {% endfor -%}
    {% endfor -%}
    {% for cost in ['active', 'marginal'] -%}
    sum(classed_{{ cost }}_units) as classed_{{ cost }}_units,
    {% endfor -%}
    {% for cost in ['active', 'marginal', 'list'] -%}
    {% for class in ['input', 'cache_read', 'output'] -%}
    sum({{ cost }}_{{ class }}_units) as {{ cost }}_{{ class }}_units,
    {% endfor -%}
    {% endfor -%}
    sum(marginal_units) as marginal_units,
    sum(list_units) as list_units,
    {% for count in counts -%}
    cast(sum({{ count }}) as bigint) as {{ count }}{{ "," if not loop.last }}
    {% endfor %}
from {{ ref('int_costs__unit_parts') }}
where {{ is_restated('event_date') }}
group by event_date, model, tier, region
