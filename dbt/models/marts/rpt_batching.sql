{% set series = ['deployment_id', 'hour_index'] %}
with
hours as (
    select
        *,
        {{ ratio('running_sum', 'gauge_busy_us') }} / 1000e0 as gauge_batch,
        {{ ratio('work_output_tokens', 'busy_us') }} * 1000000e0 as output_tokens_per_busy_gpu_second,
        -- Tokens a second that one user sees: the mean time per token, since medians do not add up.
        {{ ratio('work_output_tokens', 'nullif(decode_us, 0)') }} * 1000000e0 as interactivity,
        {{ ratio('work_gflop', 'busy_peak_gflop') }} as mfu_ratio,
        {{ ratio('moved_megabytes', 'busy_peak_megabytes') }} as mbu_ratio
    from {{ ref('int_deployments__hours') }}
    where {{ is_restated('event_date') }}
),

gaps as (
    select * from {{ ref('int_latency__histogram_hours') }}
    where metric = 'inter_token_latency_seconds' and {{ is_restated_hour('hour_index') }}
),

merged as (
    {{ merged_buckets('gaps', series) }}
),

buckets as (
    {{ numbered_buckets('merged', series) }}
),

latencies as (
    select
        {{ series | join(', ') }},
        max(total_count) as gap_count,
        -- In the first bucket nobody knows where: everything below 10 ms may be in it.
        case when {{ histogram_quantile('0.50e0') }} > min(upper_bound)
            then {{ histogram_quantile('0.50e0') }}
        end as p50_seconds,
        case when not {{ quantile_is_censored('0.99e0') }} and max(total_count) >= {{ var('p99_minimum_count') }}
            then {{ histogram_quantile('0.99e0') }}
        end as p99_seconds
    from buckets
    group by {{ series | join(', ') }}
),

gap_sums as (
    select
        {{ series | join(', ') }},
        sum(observation_sum_us) as sum_us
    from gaps
    group by {{ series | join(', ') }}
),

fronts as (
    select
        *,
        -- The most that any deployment of the same model, precision and chip made on the date for users who
        -- were served at least as fast.
        case when interactivity is not null and precision is not null and chip is not null then
            max(case when interactivity is not null then output_tokens_per_busy_gpu_second end) over (
                partition by event_date, model, precision, chip order by interactivity desc nulls last
            )
        end as best_rate
    from hours
)

select
    fronts.deployment_id,
    fronts.hour_start,
    fronts.event_date,
    fronts.model,
    fronts.tier,
    fronts.region,
    fronts.batch_fill_ratio,
    fronts.gauge_busy_us * fronts.max_num_seqs / 3600000000e0 as batch_fill_den,
    1e0 - fronts.batch_fill_ratio as headroom_ratio,
    fronts.gauge_busy_us * fronts.max_num_seqs / 3600000000e0 as headroom_den,
    fronts.tokens_per_step,
    fronts.engine_steps as tokens_per_step_den,
    fronts.tokens_per_step / nullif(cast(fronts.max_num_batched_tokens as double), 0e0) as token_budget_fill_ratio,
    fronts.engine_steps * fronts.max_num_batched_tokens as token_budget_fill_den,
    fronts.effective_batch,
    fronts.replica_busy_us / 3600000000e0 as effective_batch_den,
    fronts.gauge_batch,
    fronts.effective_batch / nullif(fronts.gauge_batch, 0e0) - 1e0 as little_gap_ratio,
    case when fronts.busy_method = 'engine_gauge'
        then abs(fronts.effective_batch / nullif(fronts.gauge_batch, 0e0) - 1e0) > 0.15e0
    end as is_little_gap_large,
    {{ ratio('fronts.decode_us', 'fronts.replica_busy_us') }} as decode_batch,
    {{ ratio('gap_sums.sum_us', 'fronts.replica_busy_us') }} as engine_decode_batch,
    fronts.mean_running,
    fronts.mean_waiting,
    fronts.mean_deferred,
    fronts.mean_kv_usage_ratio,
    1e0 - fronts.mean_kv_usage_ratio as kv_headroom_ratio,
    fronts.kv_us / 3600000000e0 as kv_den,
    fronts.engine_preemptions as preemption_count,
    {{ ratio('fronts.engine_preemptions', 'fronts.request_count') }} as preemption_ratio,
    fronts.request_count as preemption_den,
    {{ ratio('fronts.engine_prefix_cache_hit_tokens', 'fronts.engine_prefix_cache_query_tokens') }} as prefix_hit_ratio,
    fronts.engine_prefix_cache_query_tokens as prefix_hit_den,
    1e0 + {{ ratio('fronts.engine_spec_accepted_tokens', 'fronts.engine_spec_drafts') }} as spec_acceptance_length,
    fronts.engine_spec_drafts as spec_acceptance_den,
    {{ ratio('fronts.engine_spec_accepted_tokens', 'fronts.engine_spec_draft_tokens') }} as spec_accepted_ratio,
    fronts.engine_spec_draft_tokens as spec_accepted_den,
    {{ ratio(
        'fronts.engine_spec_draft_tokens - fronts.engine_spec_accepted_tokens',
        'fronts.engine_spec_drafts + fronts.engine_spec_draft_tokens'
    ) }} as spec_rejected_ratio,
    fronts.engine_spec_drafts + fronts.engine_spec_draft_tokens as spec_rejected_den,
    latencies.p99_seconds / nullif(latencies.p50_seconds, 0e0) as prefill_interference_ratio,
    latencies.gap_count as prefill_interference_den,
    case when fronts.gauged_replicas > 1
        then {{ ratio('fronts.fullest_milli', 'fronts.running_sum') }} * cast(fronts.running_us as double)
    end as replica_imbalance_ratio,
    fronts.gauged_replicas as replica_imbalance_den,
    {{ ratio(
        'fronts.engine_dp_imbalance_tokens',
        'fronts.engine_dp_scheduled_tokens + fronts.engine_dp_imbalance_tokens'
    ) }} as dp_imbalance_ratio,
    fronts.engine_dp_scheduled_tokens + fronts.engine_dp_imbalance_tokens as dp_imbalance_den,
    {{ known_greatest('fronts.mfu_ratio', 'fronts.mbu_ratio') }} as roofline_ratio,
    fronts.output_tokens_per_busy_gpu_second,
    fronts.interactivity as output_tokens_per_second_per_user,
    fronts.output_tokens_per_busy_gpu_second / nullif(fronts.best_rate, 0e0) as throughput_at_slo_ratio,
    fronts.limiting_factor
from fronts
left join latencies
    on fronts.deployment_id = latencies.deployment_id and fronts.hour_index = latencies.hour_index
left join gap_sums
    on fronts.deployment_id = gap_sums.deployment_id and fronts.hour_index = gap_sums.hour_index
