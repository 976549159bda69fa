-- Weights of the methods that need to know who else ran, or what was charged; in the parts that input,
-- cached input and output weigh.
{% set big = big_integer() %}
with
hours as (
    select * from {{ ref('int_allocation__special_hours') }}
),

shared as (
    select
        hours.*,
        steps.prefill_ps,
        steps.decode_ps,
        -- Mean of 1 / B over the time that the attempt ran; alone where that took no time.
        coalesce(steps.prefill_ps + steps.decode_ps, 1000000) as shared_ps,
        coalesce(steps.service_us, 1) as running_us
    from hours
    left join {{ ref('int_allocation__step_shares') }} as steps
        on
            hours.emitter = steps.emitter
            and hours.request_id = steps.request_id
            and hours.hour_index = steps.hour_index
    where hours.method in ('equal-share', 'bytes')
),

peaks as (
    select
        hours.*,
        {{ int_div(
            'cast(peaks.peak_share as ' ~ big ~ ') * hours.prefill_us',
            'nullif(sum(hours.service_us) over (partition by hours.deployment_id, hours.hour_index, hours.tenant_id), 0)'
        ) }} as prefill_share,
        {{ int_div(
            'cast(peaks.peak_share as ' ~ big ~ ') * hours.decode_us',
            'nullif(sum(hours.service_us) over (partition by hours.deployment_id, hours.hour_index, hours.tenant_id), 0)'
        ) }} as decode_share
    from hours
    inner join {{ ref('int_allocation__peak_shares') }} as peaks
        on
            hours.deployment_id = peaks.deployment_id
            and hours.hour_index = peaks.hour_index
            and hours.tenant_id is not distinct from peaks.tenant_id
    where hours.method = 'shapley-peak'
),

listed as (
    select
        hours.*,
        listed.input_units,
        listed.cache_read_units,
        listed.output_units,
        sum(hours.output_tokens) over (partition by hours.emitter, hours.request_id) as whole_output,
        listed.input_units + listed.cache_read_units + listed.output_units as list_units
    from hours
    left join {{ ref('int_allocation__listed') }} as listed
        on hours.emitter = listed.emitter and hours.request_id = listed.request_id
    where hours.method = 'price-weighted'
),

-- Where an attempt has no list price, nobody can say what share is its neighbours': the hour weighs nothing.
priced as (
    select *
    from listed
    qualify count(case when list_units is null then 1 end) over (partition by deployment_id, hour_index) = 0
)

{% set keys = 'emitter, request_id, started_date, hour_index, deployment_id' %}
select
    {{ keys }},
    cast(prefill_ps as {{ big }}) as prefill_part,
    cast(0 as {{ big }}) as cache_read_part,
    cast(decode_ps as {{ big }}) as decode_part
from shared
where method = 'equal-share'
union all
-- A step reads the weights once for all who run, and each one's own keys and values: the Shapley value of a
-- step whose cost is affine. Each output token is one step, the first of them the prefill's. In kilobytes.
select
    {{ keys }},
    {{ int_div(
        int_div('cast(weight_bytes as ' ~ big ~ ') * prompt_count * shared_ps', 'running_us * 1000000')
        ~ ' + (computed_tokens + cached_tokens) * cast(kv_bytes_per_token as ' ~ big ~ ')', '1000'
    ) }},
    0,
    {{ int_div(
        int_div(
            'cast(weight_bytes as ' ~ big ~ ') * greatest(0, output_tokens - prompt_count) * shared_ps',
            'running_us * 1000000'
        )
        ~ ' + decode_context * cast(kv_bytes_per_token as ' ~ big ~ ')', '1000'
    ) }}
from shared
where method = 'bytes'
union all
select {{ keys }}, prefill_share, 0, decode_share
from peaks
union all
select
    {{ keys }},
    prompt_count * input_units,
    prompt_count * cache_read_units,
    coalesce({{ int_div('output_units * output_tokens', 'nullif(whole_output, 0)') }}, 0)
from priced
