-- Of a deployment's hour, in millionths: how much of the computed input was computed again after preemption,
-- and how much of what decoding verified were drafts that were rejected.
with
requests as (
    select
        deployment_id,
        hour_index,
        sum(computed_tokens) as computed_tokens,
        sum(attempt_count) as attempt_count,
        -- Whoever is preempted computes its prompt again, and half of its output where it stands midway.
        sum(computed_tokens + cached_tokens) + {{ int_div('sum(output_tokens)', '2') }} as context_tokens
    from {{ ref('int_requests__hour_groups') }}
    group by deployment_id, hour_index
),

engine as (
    select
        deployment_id,
        hour_index,
        engine_preemptions,
        engine_output_tokens,
        engine_spec_draft_tokens - engine_spec_accepted_tokens as rejected_tokens
    from {{ ref('int_deployments__engine_hours') }}
),

counted as (
    select
        engine.deployment_id,
        engine.hour_index,
        requests.computed_tokens,
        {{ int_div(
            'engine.engine_preemptions * requests.context_tokens', 'nullif(requests.attempt_count, 0)'
        ) }} as recomputed_tokens,
        engine.engine_output_tokens,
        case when engine.rejected_tokens > 0 then engine.rejected_tokens end as rejected_tokens
    from engine
    inner join requests
        on engine.deployment_id = requests.deployment_id and engine.hour_index = requests.hour_index
),

shares as (
    select
        deployment_id,
        hour_index,
        cast({{ int_div(
            'cast(recomputed_tokens as ' ~ big_integer() ~ ') * 1000000',
            'nullif(computed_tokens + recomputed_tokens, 0)'
        ) }} as bigint) as recomputed_ppm,
        cast({{ int_div(
            'cast(rejected_tokens as ' ~ big_integer() ~ ') * 1000000',
            'nullif(engine_output_tokens + rejected_tokens, 0)'
        ) }} as bigint) as rejected_ppm
    from counted
)

select * from shares
where recomputed_ppm > 0 or rejected_ppm > 0
