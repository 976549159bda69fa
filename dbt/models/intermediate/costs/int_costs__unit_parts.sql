-- Tokens and costs per day × model × tier × region × deployment × tenant, in whole units. Tokens are those
-- of served attempts (E14); what failed costs, and the served ones carry it.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
{% set classes = ['input_uncached', 'input_cache_read', 'output_total'] %}
with
attempts as (
    select
        started_date as event_date,
        coalesce(model, '(unknown)') as model,
        coalesce(tier, '(unknown)') as tier,
        coalesce(region, '(unknown)') as region,
        deployment_id,
        tenant_id,
        -- What the gateway's cache answered took no engine tokens (E20).
        is_served and not coalesce(is_gateway_cache_hit, false) as is_served,
        is_served
        and not coalesce(is_gateway_cache_hit, false)
        and input_uncached_tokens is not null
        and output_total_tokens is not null as has_classes,
        input_total_tokens,
        input_uncached_tokens,
        input_cache_read_tokens,
        output_total_tokens,
        input_units,
        cache_read_units,
        output_units,
        input_units + cache_read_units + output_units as list_units,
        is_served
        and not coalesce(is_gateway_cache_hit, false)
        and input_units + cache_read_units + output_units is not null as is_listed
    from {{ ref('int_costs__request_list') }}
    where {{ is_restated('started_date') }}
),

counted as (
    select
        event_date,
        model,
        tier,
        region,
        deployment_id,
        tenant_id,
        count(*) as request_count,
        -- By `filter` and not by `case`, in which DuckDB would price each attempt for every column again.
        count(*) filter (where is_served) as served_count,
        count(*) filter (where has_classes) as classed_count,
        count(*) filter (where is_listed) as listed_count,
        {% for class in ['input_total'] + classes -%}
        cast(sum({{ class }}_tokens) filter (where is_served) as bigint) as {{ class }}_tokens,
        {% endfor -%}
        {% for class in classes -%}
        sum({{ class }}_tokens) filter (where has_classes and is_listed) as listed_{{ class }},
        {% endfor -%}
        sum(list_units) filter (where is_served) as list_units,
        {% for class in ['input', 'cache_read', 'output'] -%}
        sum({{ class }}_units) filter (where has_classes and is_listed) as list_{{ class }}_units,
        {% endfor -%}
        -- Costs belong to the deployment; they stand once, with the first of its keys.
        row_number() over (
            partition by event_date, deployment_id, tenant_id order by model asc, tier asc, region asc
        ) = 1 as is_first
    from attempts
    group by event_date, model, tier, region, deployment_id, tenant_id
)

select
    {{ all_but(['is_first'], 'counted') }},
    {{ all_but(['event_date', 'deployment_id', 'tenant_id'], 'shares') }}
from counted
left join {{ ref('int_costs__unit_shares') }} as shares
    on
        counted.is_first
        and counted.event_date = shares.event_date
        and counted.deployment_id = shares.deployment_id
        and counted.tenant_id is not distinct from shares.tenant_id
