with
attempts as (
    select * from {{ ref('int_costs__request_list') }}
    where {{ is_restated('started_date') }}
),

seen as (
    select * from {{ ref('int_requests__seen') }}
    where {{ is_restated('started_date') }}
),

costed as (
    select distinct deployment_id, event_date
    from {{ ref('int_costs__entries') }}
    where deployment_id is not null and {{ is_restated('event_date') }}
),

joined as (
    select
        attempts.*,
        seen.first_token_at,
        seen.ended_at,
        seen.logical_request_id,
        seen.session_id,
        seen.error_type,
        seen.finish_reason,
        seen.reported_cost_usd,
        seen.prompt_fingerprint,
        seen.routing_propensity,
        seen.quality_score,
        seen.sighting_count,
        seen.output_delivered_tokens,
        seen.source_file,
        seen.source_line,
        deployments.site_id,
        -- No engine work, no cost (E13, E20): 0 where the deployment's cost is known at all. What was
        -- served took tokens, so unknown tokens are an unknown cost; what failed may have taken none.
        costed.deployment_id is not null
        and (
            not attempts.is_engine_work
            or (
                (
                    not attempts.is_served
                    or (
                        attempts.input_total_tokens is not null
                        and attempts.output_total_tokens is not null
                    )
                )
                and (
                    coalesce(attempts.input_total_tokens, 0) + coalesce(attempts.output_total_tokens, 0) = 0
                    -- Its tokens weigh nothing: all of them were cached, say.
                    or (methods.prefill_ps is not null and shares.request_id is null)
                )
            )
        ) as is_free,
        shares.accelerator_units,
        shares.electricity_units,
        shares.other_units,
        coalesce(shares.has_missing_rate, false) as has_missing_rate,
        shares.idle_units,
        shares.overhead_units,
        shares.marginal_units,
        shares.busy_mj,
        shares.facility_busy_mj,
        attempts.input_units + attempts.cache_read_units + attempts.output_units as list_units,
        coalesce(shares.accelerator_units, 0) + coalesce(shares.electricity_units, 0)
        + coalesce(shares.other_units, 0) as known_active_units,
        coalesce(shares.is_costed, false) as is_costed,
        methods.label,
        busy.busy_us as deployment_busy_us,
        busy.ready_us as deployment_ready_us
    from attempts
    left join seen
        on attempts.emitter = seen.emitter and attempts.request_id = seen.request_id
    left join {{ ref('int_fleet__deployments') }} as deployments
        on attempts.deployment_id = deployments.deployment_id
    left join costed
        on attempts.deployment_id = costed.deployment_id and attempts.started_date = costed.event_date
    left join {{ ref('int_costs__request_shares') }} as shares
        on attempts.emitter = shares.emitter and attempts.request_id = shares.request_id
    left join {{ ref('int_allocation__methods') }} as methods
        on
            attempts.deployment_id = methods.deployment_id
            and {{ hour_index('attempts.first_us') }} = methods.hour_index
    left join {{ ref('int_costs__busy_days') }} as busy
        on attempts.deployment_id = busy.deployment_id and attempts.started_date = busy.event_date
),

summed as (
    select
        *,
        case
            when is_costed and not has_missing_rate then known_active_units
            when is_free then 0
        end as active_units,
        case when is_free then 0 end as free_units
    from joined
)

select
    emitter, request_id, started_date as event_date,
    {{ timestamp_of_us('started_us') }} as started_at, first_token_at, ended_at,
    logical_request_id, session_id, tenant_id, deployment_id, replica_id, model, model_requested, tier,
    site_id, region, client_region, status, error_type, finish_reason, is_streaming,
    is_gateway_cache_hit, clock,
    input_total_tokens, input_uncached_tokens, input_cache_read_tokens, input_cache_write_tokens,
    output_total_tokens, output_reasoning_tokens, output_delivered_tokens,
    queue_seconds, prefill_seconds, decode_seconds, ttft_seconds, ttfo_seconds, tpot_seconds, icl_seconds,
    e2e_seconds,
    {{ money('coalesce(accelerator_units, free_units)') }} as cost_accelerator_usd,
    {{ money('coalesce(electricity_units, free_units)') }} as cost_electricity_usd,
    {{ money('coalesce(other_units, free_units)') }} as cost_other_usd,
    {{ money('active_units') }} as cost_active_usd,
    {{ money('coalesce(marginal_units, free_units)') }} as cost_marginal_usd,
    {{ money('coalesce(idle_units, free_units)') }} as cost_idle_share_usd,
    {{ money('coalesce(overhead_units, free_units)') }} as cost_overhead_share_usd,
    {{ money('active_units + coalesce(idle_units, free_units) + coalesce(overhead_units, free_units)') }}
        as cost_fully_loaded_usd,
    {{ ratio('idle_units', 'active_units + idle_units') }} as idle_share_ratio,
    {{ ratio('deployment_busy_us', 'deployment_ready_us') }} as busy_util_ratio,
    {{ money('case when is_gateway_cache_hit then 0 else list_units end') }} as cost_list_usd,
    reported_cost_usd,
    busy_mj / 1000e0 as energy_accelerator_joules,
    facility_busy_mj / 1000e0 as energy_facility_joules,
    case when is_costed then label when is_free then 'no-engine-work' end as allocation_method,
    {{ joined_flags({
        'deployment_unknown': 'deployment_id is null',
        'replica_unknown': 'deployment_id is not null and replica_id is null',
        'clock_relative': "clock = 'relative'",
        'cache_read_unknown': 'input_cache_read_tokens is null',
        'cache_read_exceeds_input': 'input_cache_read_tokens > input_total_tokens',
        'output_unknown': 'output_total_tokens is null',
        'end_unknown': 'ended_at is null and e2e_seconds is null',
        'first_token_unknown': 'is_streaming and ttft_seconds is null',
        'rate_missing': 'has_missing_rate',
    }) }} as quality_flags,
    prompt_fingerprint, prefix_block_hashes, prefix_block_tokens, routing_propensity, quality_score,
    sighting_count, source_file, source_line
from summed
