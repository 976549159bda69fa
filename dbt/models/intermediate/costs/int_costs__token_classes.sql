-- Tokens of served engine work by class, per UTC date, deployment and tenant, with the phase weight of
-- each class. Where the cached part of the input is unknown, the whole of it is a class of its own.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
{% set classes = ['input_uncached', 'input_cache_read', 'input_unsplit', 'output'] %}
with
hours as (
    select
        {{ hour_date('hours.hour_index') }} as event_date,
        hours.deployment_id,
        hours.tenant_id,
        {{ hour_index('measured.first_us') }} = hours.hour_index as is_first_hour,
        measured.input_uncached_tokens is not null as is_split,
        hours.input_total_tokens,
        hours.input_cache_read_tokens,
        hours.output_total_tokens,
        measured.prefill_weight,
        measured.cache_read_weight,
        cast(coalesce(hours.output_total_tokens, 0) as {{ big_integer() }}) * measured.decode_weight_ps
            as decode_weight
    from {{ ref('int_requests__hours') }} as hours
    inner join {{ ref('int_requests__measured') }} as measured
        on hours.emitter = measured.emitter and hours.request_id = measured.request_id
    where hours.is_served and {{ is_restated(hour_date('hours.hour_index')) }}
),

grouped as (
    select
        event_date,
        deployment_id,
        tenant_id,
        sum(case when is_split then input_total_tokens - input_cache_read_tokens end)
            as input_uncached_tokens,
        sum(case when is_split then input_cache_read_tokens end) as input_cache_read_tokens,
        sum(case when not is_split then input_total_tokens end) as input_unsplit_tokens,
        sum(output_total_tokens) as output_tokens,
        sum(case when is_split and is_first_hour then prefill_weight end) as input_uncached_weight,
        sum(case when is_split and is_first_hour then cache_read_weight end)
            as input_cache_read_weight,
        sum(case when not is_split and is_first_hour then prefill_weight + cache_read_weight end)
            as input_unsplit_weight,
        sum(decode_weight) as output_weight
    from hours
    group by event_date, deployment_id, tenant_id
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
