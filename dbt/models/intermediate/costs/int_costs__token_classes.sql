-- Tokens of served engine work by class, per UTC date, deployment and tenant, with the weight of
-- each class. Where the cached part of the input is unknown, the whole of it is a class of its own.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
{% set classes = ['input_uncached', 'input_cache_read', 'input_unsplit', 'output'] %}
with
grouped as (
    select
        {{ hour_date('hour_index') }} as event_date,
        deployment_id,
        tenant_id,
        sum(case when is_split then input_total_tokens - input_cache_read_tokens end)
            as input_uncached_tokens,
        sum(case when is_split then input_cache_read_tokens end) as input_cache_read_tokens,
        sum(case when not is_split then input_total_tokens end) as input_unsplit_tokens,
        sum(output_total_tokens) as output_tokens,
        sum(case when is_split then prefill_part end) as input_uncached_weight,
        sum(case when is_split then cache_read_part end) as input_cache_read_weight,
        sum(case when not is_split then prefill_part + cache_read_part end) as input_unsplit_weight,
        sum(decode_part) as output_weight
    from {{ ref('int_allocation__groups') }}
    where is_served and {{ is_restated_hour('hour_index') }}
    group by {{ hour_date('hour_index') }}, deployment_id, tenant_id
)

{% for class in classes -%}
select
    event_date,
    deployment_id,
    tenant_id,
    '{{ class }}' as token_class,
    cast({{ class }}_tokens as bigint) as token_count,
    cast(coalesce({{ class }}_weight, 0) as {{ big_integer() }}) as weight
from grouped
where {{ class }}_tokens > 0
{{ "union all" if not loop.last }}
{% endfor %}
