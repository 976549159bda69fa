-- Active and marginal cost of groups of attempts by token class, per date of start, deployment and tenant:
-- the parts of the running sum that attempts have one by one, so both add up to the same.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
{% set costs = {'active': 'part', 'marginal': 'hour'} %}
{% set money = ['accelerator_units', 'electricity_units', 'other_units'] %}
{% set classes = ['input', 'cache_read', 'output'] %}
with
groups as (
    select
        started_date,
        deployment_id,
        tenant_id,
        is_split,
        has_classes,
        case when counts_input then input_total_tokens - input_cache_read_tokens end as input_uncached,
        case when counts_input then input_cache_read_tokens end as input_cache_read,
        case when counts_output then output_total_tokens end as output_total,
        prefill_part,
        cache_read_part,
        weight,
        case when is_costed and not has_missing_rate then
            {% for measure in money -%}
            {{ "+ " if not loop.first }}coalesce({{ running_part(
                measure, 'part_weight', 'part_before', 'part_before + weight'
            ) }}, 0)
            {% endfor -%}
        end as active_units,
        {{ running_part('marginal_units', 'hour_weight', 'hour_before', 'hour_before + weight') }}
            as marginal_units
    from {{ ref('int_costs__shared') }}
    where {{ is_restated('started_date') }}
),

split as (
    select
        *,
        {% for cost in costs -%}
        case when is_split then {{ int_div(cost ~ '_units * prefill_part', 'weight') }} end
            as {{ cost }}_input_units,
        case when is_split then {{ int_div(cost ~ '_units * cache_read_part', 'weight') }} end
            as {{ cost }}_cache_read_units{{ "," if not loop.last }}
        {% endfor %}
    from groups
)

select
    started_date as event_date,
    deployment_id,
    tenant_id,
    {% for class in ['input_uncached', 'input_cache_read', 'output_total'] -%}
    sum(case when has_classes and active_units is not null then {{ class }} end) as costed_{{ class }},
    sum(case when has_classes and marginal_units is not null then {{ class }} end) as marginal_{{ class }},
    {% endfor -%}
    {% for cost in costs -%}
    sum(case when is_split then {{ cost }}_units end) as classed_{{ cost }}_units,
    sum({{ cost }}_input_units) as {{ cost }}_input_units,
    sum({{ cost }}_cache_read_units) as {{ cost }}_cache_read_units,
    sum(case when is_split then {{ cost }}_units - {{ cost }}_input_units - {{ cost }}_cache_read_units end)
        as {{ cost }}_output_units,
    {% endfor -%}
    sum(marginal_units) as marginal_units
from split
group by started_date, deployment_id, tenant_id
