-- Tokens and costs per day × model × tier × region × deployment × tenant, in whole units. Tokens are those
-- of served attempts (E14); what failed costs, and the served ones carry it.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
with
requests as (
    select
        measured.started_date as event_date,
        coalesce(measured.model, '(unknown)') as model,
        coalesce(measured.tier, '(unknown)') as tier,
        coalesce(measured.region, '(unknown)') as region,
        measured.deployment_id,
        measured.tenant_id,
        -- What the gateway's cache answered took no engine tokens (E20).
        measured.is_served and not coalesce(measured.is_gateway_cache_hit, false) as is_served,
        measured.input_total_tokens,
        measured.input_uncached_tokens,
        measured.input_cache_read_tokens,
        measured.output_total_tokens,
        measured.is_served
        and not coalesce(measured.is_gateway_cache_hit, false)
        and measured.input_uncached_tokens is not null
        and measured.output_total_tokens is not null as has_classes,
        classes.active_units is not null as has_class_cost,
        {{ all_but(['emitter', 'request_id', 'started_date'], 'classes') }},
        energy.marginal_units as request_marginal_units,
        list.input_units as list_input_units,
        list.cache_read_units as list_cache_read_units,
        list.output_units as list_output_units,
        list.input_units + list.cache_read_units + list.output_units as list_units
    from {{ ref('int_requests__measured') }} as measured
    left join {{ ref('int_costs__request_classes') }} as classes
        on measured.emitter = classes.emitter and measured.request_id = classes.request_id
    left join {{ ref('int_costs__request_energy') }} as energy
        on measured.emitter = energy.emitter and measured.request_id = energy.request_id
    left join {{ ref('int_costs__request_list') }} as list
        on measured.emitter = list.emitter and measured.request_id = list.request_id
    where {{ is_restated('measured.started_date') }}
)

select
    event_date,
    model,
    tier,
    region,
    deployment_id,
    tenant_id,
    count(*) as request_count,
    count(case when is_served then 1 end) as served_count,
    {% for class in ['input_total', 'input_uncached', 'input_cache_read', 'output_total'] -%}
    cast(sum(case when is_served then {{ class }}_tokens end) as bigint) as {{ class }}_tokens,
    {% endfor -%}
    {% for class in ['input_uncached', 'input_cache_read', 'output_total'] -%}
    sum(case when has_classes and has_class_cost then {{ class }}_tokens end) as costed_{{ class }},
    sum(case when has_classes and marginal_units is not null then {{ class }}_tokens end)
        as marginal_{{ class }},
    sum(case when has_classes and list_units is not null then {{ class }}_tokens end) as listed_{{ class }},
    {% endfor -%}
    count(case when has_classes then 1 end) as classed_count,
    count(case when is_served and list_units is not null then 1 end) as listed_count,
    {% for cost in ['active', 'marginal'] -%}
    sum({{ cost }}_units) as classed_{{ cost }}_units,
    {% for class in ['input', 'cache_read', 'output'] -%}
    sum({{ cost }}_{{ class }}_units) as {{ cost }}_{{ class }}_units,
    {% endfor -%}
    {% endfor -%}
    sum(request_marginal_units) as marginal_units,
    sum(case when is_served then list_units end) as list_units,
    {% for class in ['input', 'cache_read', 'output'] -%}
    sum(case when has_classes and list_units is not null then list_{{ class }}_units end)
        as list_{{ class }}_units{{ "," if not loop.last }}
    {% endfor %}
from requests
group by event_date, model, tier, region, deployment_id, tenant_id
