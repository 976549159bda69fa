-- Latency of each attempt, and whether it kept its tier's objectives.
{{ config(materialized='view') }}
{% set day_of_us = 'cast(' ~ timestamp_of_us('answer_started_us') ~ ' as date)' %}
with
measured as (
    select
        measured.*,
        -- Who asked again waited for the attempts before, too (E15).
        coalesce((measured.started_us - answers.first_started_us) / 1e6, 0e0) as waited_seconds,
        deployments.slo_ttft_seconds,
        deployments.slo_tpot_seconds,
        deployments.slo_e2e_seconds
    from {{ ref('int_requests__measured') }} as measured
    left join {{ ref('int_fleet__deployments') }} as deployments
        on measured.deployment_id = deployments.deployment_id
    left join (
        select
            answer_request_id as request_id,
            {{ day_of_us }} as started_date,
            min(started_us) as first_started_us
        from {{ ref('int_requests__superseded') }}
        where started_us < answer_started_us
        group by answer_request_id, {{ day_of_us }}
    ) as answers
        on measured.request_id = answers.request_id and measured.started_date = answers.started_date
),

attempts as (
    select
        emitter,
        request_id,
        started_date,
        {{ hour_index('started_us') }} as hour_index,
        deployment_id,
        coalesce(model, '(unknown)') as model,
        coalesce(tier, '(unknown)') as tier,
        coalesce(region, '(unknown)') as region,
        coalesce(tenant_id, '(unknown)') as tenant_id,
        client_region,
        is_streaming,
        status,
        {{ answered_and_begun() }},
        coalesce(waste_cause = 'retried', false) as is_superseded,
        waited_seconds,
        slo_ttft_seconds,
        slo_tpot_seconds,
        slo_e2e_seconds,
        slo_ttft_seconds is not null
        or slo_tpot_seconds is not null
        or slo_e2e_seconds is not null as has_slo,
        ttft_seconds,
        ttfo_seconds,
        tpot_seconds,
        icl_seconds,
        queue_seconds,
        prefill_seconds,
        decode_seconds,
        e2e_seconds,
        -- Seconds per output token (Orca, vLLM).
        case when output_total_tokens > 0 then e2e_seconds / output_total_tokens end as normalized_seconds,
        output_total_tokens
    from measured
)

select
    *,
    -- A request counts once, however often it was tried. Failures and rejections are held against the objectives;
    -- what the client cancelled is not, nor what became of which nobody tells.
    has_slo and not is_superseded and status not in ('cancelled', 'unknown') as is_judged,
    -- An objective whose measure is unknown is not met. One that cannot apply is left out: TTFT and TPOT of
    -- an answer that was not streamed, TPOT of a single token.
    has_slo
    and not is_superseded
    and status = 'success'
    and coalesce(
        slo_ttft_seconds is null or waited_seconds + ttft_seconds <= slo_ttft_seconds, not coalesce(is_streaming, false)
    )
    and coalesce(
        slo_tpot_seconds is null or output_total_tokens <= 1 or tpot_seconds <= slo_tpot_seconds,
        not coalesce(is_streaming, false)
    )
    and coalesce(slo_e2e_seconds is null or waited_seconds + e2e_seconds <= slo_e2e_seconds, false) as is_within_slo
from attempts
