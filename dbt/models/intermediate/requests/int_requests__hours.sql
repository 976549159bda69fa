-- What falls in each UTC hour of an attempt's engine work (E18): the prompt in the hour of the first
-- token, output tokens uniformly over first to last, service by overlap. Integers, so the hours add up.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
with
attempts as (
    select * from {{ ref('int_requests__measured') }}
    where is_engine_work and {{ is_restated('started_date', 'int_requests__restated_dates') }}
),

exploded as (
    select
        *,
        {{ explode_range(hour_index('service_us'), hour_index('last_us')) }} as hour_index
    from attempts
),

clipped as (
    select
        *,
        {{ hour_index('first_us') }} = hour_index as is_first_hour,
        {{ clipped_from('first_us', 'hour_index') }} as from_us,
        {{ clipped_to('last_us', 'hour_index') }} as to_us,
        greatest(1, last_us - first_us) as decode_us,
        greatest(0, coalesce(output_total_tokens, 0) - 1) as later_tokens,
        last_us < (hour_index + 1) * {{ hour_us() }} as is_last_hour
    from exploded
),

counted as (
    select
        *,
        -- The first token stands at the first instant, the others spread over what follows.
        case
            when coalesce(output_total_tokens, 0) = 0 or hour_index < {{ hour_index('first_us') }} then 0
            when is_last_hour
                then later_tokens - {{ part_of('later_tokens', '0', 'greatest(0, from_us - first_us)', 'decode_us') }}
            else {{ part_of(
                'later_tokens', 'greatest(0, from_us - first_us)', 'greatest(0, to_us - first_us)', 'decode_us'
            ) }}
        end + case when is_first_hour and output_total_tokens > 0 then 1 else 0 end as output_tokens
    from clipped
)

select
    emitter,
    request_id,
    started_date,
    hour_index,
    deployment_id,
    replica_id,
    tenant_id,
    is_served,
    case when is_served then null else status end as cause,
    case when is_first_hour then input_total_tokens end as input_total_tokens,
    case when is_first_hour then input_cache_read_tokens end as input_cache_read_tokens,
    case when output_total_tokens is not null then cast(output_tokens as bigint) end
        as output_total_tokens,
    greatest(
        0,
        {{ clipped_to('last_us', 'hour_index') }} - {{ clipped_from('service_us', 'hour_index') }}
    ) as service_us,
    case when is_first_hour then prefill_weight + cache_read_weight else 0 end
    + cast(output_tokens as {{ big_integer() }}) * decode_weight_ps as weight
from counted
