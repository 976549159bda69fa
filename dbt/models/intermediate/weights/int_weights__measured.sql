-- Seconds that the engine spent per phase over the tokens of the phase, at the scale of the GPU time while
-- busy. The standard errors are those of ratios of hourly sums.
with
windows as (
    select
        *,
        cast(measured_busy_ms as double) / nullif(cast(prefill_ms + decode_ms as double), 0e0) as scale,
        cast(prefill_ms as double) / nullif(cast(phase_computed_tokens as double), 0e0) as prefill_rate,
        cast(decode_ms as double) / nullif(cast(phase_output_tokens as double), 0e0) as decode_rate
    from {{ ref('int_weights__windows') }}
),

spread as (
    select
        *,
        greatest(0e0, pp - 2e0 * prefill_rate * pt + prefill_rate * prefill_rate * tt) as prefill_squares,
        greatest(0e0, dd - 2e0 * decode_rate * dw + decode_rate * decode_rate * ww) as decode_squares,
        cast(measured_count as double) / nullif(measured_count - 1, 0) as small_sample
    from windows
)

select
    deployment_id,
    month_number,
    learnt_from,
    measured_count as hour_count,
    first_hour,
    last_hour,
    {{ whole('prefill_rate * scale', 1000000000) }} as prefill_ps,
    -- Looking up what is cached is part of the prefill that it shortens.
    cast(0 as bigint) as cache_read_ps,
    {{ whole('decode_rate * scale', 1000000000) }} as decode_ps,
    {{ whole(
        'scale * sqrt(small_sample * prefill_squares) / nullif(phase_computed_tokens, 0)', 1000000000
    ) }} as prefill_error_ps,
    cast(null as bigint) as cache_read_error_ps,
    {{ whole(
        'scale * sqrt(small_sample * decode_squares) / nullif(phase_output_tokens, 0)', 1000000000
    ) }} as decode_error_ps,
    case
        when measured_count = 0 then 'the engine exports no phase seconds'
        when coalesce(prefill_ms, 0) = 0 or coalesce(decode_ms, 0) = 0
            or coalesce(phase_computed_tokens, 0) = 0 or coalesce(phase_output_tokens, 0) = 0
            then 'a phase has no seconds or no tokens'
    end as refusal
from spread
