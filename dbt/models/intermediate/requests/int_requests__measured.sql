-- Latency, the interval of service, and for what an attempt bears cost.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
{# What few readers of attempts ask for, or none, stays in the lake (int_requests__seen); `started_us` says when
   they started. #}
{% set unread = [
    'trace_id', 'span_id', 'parent_span_id', 'attempt', 'operation', 'endpoint', 'deployment_key', 'team_id',
    'user_pseudonym', 'api_key_pseudonym', 'tags', 'output_delivered_tokens', 'source_digest', 'event_date',
    'started_at', 'first_token_at', 'ended_at', 'logical_request_id', 'session_id', 'error_type', 'finish_reason',
    'reported_cost_usd', 'prompt_fingerprint', 'source_file', 'source_line', 'sighting_count',
] %}
{% set shown_tokens -%}
case when status = 'cancelled' then coalesce(output_delivered_tokens, output_total_tokens) else output_total_tokens end
{%- endset %}
with
superseded as (
    select distinct emitter, request_id
    from {{ ref('int_requests__superseded') }}
),

attempts as (
    select
        attempts.*,
        {{ epoch_us('attempts.first_token_at') }} as seen_first_us,
        {{ epoch_us('attempts.ended_at') }} as seen_end_us,
        superseded.request_id is not null as is_superseded
    from {{ ref('int_requests__attempts') }} as attempts
    left join superseded
        on attempts.emitter = superseded.emitter and attempts.request_id = superseded.request_id
    where {{ is_restated('attempts.started_date', 'int_requests__restated_dates') }}
),

timed as (
    select
        *,
        -- E21: a negative difference of two clocks is unknown.
        coalesce(
            ttft_seconds,
            case when seen_first_us >= started_us then (seen_first_us - started_us) / 1000000e0 end
        ) as time_to_first_seconds,
        coalesce(
            e2e_seconds,
            case when seen_end_us >= started_us then (seen_end_us - started_us) / 1000000e0 end
        ) as whole_seconds,
        -- More cached than there was is a fault of the log: what was computed is unknown then.
        case
            when input_cache_read_tokens <= input_total_tokens
                then input_total_tokens - input_cache_read_tokens
        end as input_uncached_tokens,
        status not in ('failure', 'cancelled', 'rejected') and not is_superseded as is_served,
        case
            when is_superseded then 'retried'
            when status = 'failure' then 'failed'
            when status in ('cancelled', 'rejected') then status
        end as waste_cause,
        deployment_id is not null
        and status <> 'rejected'
        and not coalesce(is_gateway_cache_hit, false) as is_engine_work
    from attempts
),

bounded as (
    select
        *,
        greatest(started_us, coalesce(
            seen_first_us,
            started_us + {{ whole('ttft_seconds', 1000000) }},
            started_us + {{ whole('queue_seconds + prefill_seconds', 1000000) }},
            seen_end_us - {{ whole('decode_seconds', 1000000) }},
            started_us
        )) as first_us
    from timed
)

select
    {{ all_but(unread + [
        'seen_first_us', 'seen_end_us', 'is_superseded', 'ttft_seconds', 'tpot_seconds', 'e2e_seconds',
        'time_to_first_seconds', 'whole_seconds',
    ]) }},
    greatest(first_us, coalesce(
        seen_end_us, started_us + {{ whole('e2e_seconds', 1000000) }}, first_us
    )) as last_us,
    least(
        first_us, started_us + coalesce({{ whole('queue_seconds', 1000000) }}, 0)
    ) as service_us,
    time_to_first_seconds as ttft_seconds,
    whole_seconds as e2e_seconds,
    -- A client that went away saw what was delivered, not all that was generated (E16).
    case
        when {{ shown_tokens }} <= 1 then null
        when tpot_seconds is not null then tpot_seconds
        when whole_seconds >= time_to_first_seconds
            then (whole_seconds - time_to_first_seconds) / ({{ shown_tokens }} - 1)
    end as tpot_seconds
from bounded
