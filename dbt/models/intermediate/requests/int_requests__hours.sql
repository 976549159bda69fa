-- What falls in each UTC hour of an attempt's engine work (E18): the prompt in the hour of the first
-- token, output tokens uniformly over first to last, service by overlap. Integers, so the hours add up.
-- A context is the sum, over tokens computed or generated, of the tokens that each attends to: of n tokens
-- the first of which attends to a and the last to b, n * (a + b) / 2.
-- A view: most readers want sums of a few columns, for which nothing has to be stored per attempt.
{{ config(materialized='view') }}
with
attempts as (
    select
        *,
        coalesce(input_total_tokens, 0) as prompt_tokens,
        -- Where the cached part is unknown all input counts as computed: the weight never flatters.
        coalesce(input_uncached_tokens, input_total_tokens, 0) as whole_computed,
        coalesce(output_total_tokens, 0) as whole_output,
        greatest(1, last_us - first_us) as decode_length_us
    from {{ ref('int_requests__measured') }}
    where is_engine_work
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
        {{ clipped_from('service_us', 'hour_index') }} as service_from_us,
        greatest(0, {{ clipped_to('first_us', 'hour_index') }} - {{ clipped_from('service_us', 'hour_index') }})
            as prefill_us,
        greatest(0, {{ clipped_to('last_us', 'hour_index') }} - {{ clipped_from('first_us', 'hour_index') }})
            as decode_us,
        greatest(0, {{ clipped_from('first_us', 'hour_index') }} - first_us) as elapsed_from,
        greatest(0, {{ clipped_to('last_us', 'hour_index') }} - first_us) as elapsed_to
    from exploded
),

counted as (
    select
        *,
        -- The first token stands at the first instant, the others spread over what follows.
        case
            when whole_output = 0 or elapsed_from = 0 then 0
            else 1 + {{ part_of('(whole_output - 1)', '0', 'elapsed_from', 'decode_length_us') }}
        end as tokens_before,
        case
            when whole_output = 0 or hour_index < {{ hour_index('first_us') }} then 0
            when last_us < (hour_index + 1) * {{ hour_us() }} then whole_output
            else 1 + {{ part_of('(whole_output - 1)', '0', 'elapsed_to', 'decode_length_us') }}
        end as tokens_after
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
    waste_cause as cause,
    -- Whether the classes of its input, and all of its classes, are known.
    input_uncached_tokens is not null as is_split,
    is_served and input_uncached_tokens is not null and output_total_tokens is not null as has_classes,
    case when is_first_hour then input_total_tokens end as input_total_tokens,
    case when is_first_hour then input_cache_read_tokens end as input_cache_read_tokens,
    case when output_total_tokens is not null then cast(tokens_after - tokens_before as bigint) end
        as output_total_tokens,
    service_from_us,
    prefill_us + decode_us as service_us,
    prefill_us,
    decode_us,
    case when is_first_hour then whole_computed else 0 end as computed_tokens,
    case when is_first_hour then coalesce(input_cache_read_tokens, 0) else 0 end as cached_tokens,
    cast(tokens_after - tokens_before as bigint) as output_tokens,
    case
        when is_first_hour then {{ half_product('whole_computed', '(2 * prompt_tokens - whole_computed + 1)') }}
        else 0
    end as prefill_context,
    {{ half_product(
        '(tokens_after - tokens_before)', '(2 * prompt_tokens + tokens_after + tokens_before + 1)'
    ) }} as decode_context,
    case when is_first_hour and prompt_tokens > 0 then 1 else 0 end as prompt_count
from counted
