select
    deployment_id,
    hour_start,
    event_date,
    model,
    tier,
    region,
    batch_fill_ratio,
    gauge_busy_us * max_num_seqs / 3600000000e0 as batch_fill_den,
    tokens_per_step,
    engine_steps as tokens_per_step_den,
    effective_batch,
    replica_busy_us / 3600000000e0 as effective_batch_den,
    mean_running,
    mean_waiting,
    mean_kv_usage_ratio,
    engine_preemptions as preemption_count,
    {{ ratio('engine_prefix_cache_hit_tokens', 'engine_prefix_cache_query_tokens') }} as prefix_hit_ratio,
    engine_prefix_cache_query_tokens as prefix_hit_den,
    1e0 + {{ ratio('engine_spec_accepted_tokens', 'engine_spec_drafts') }} as spec_acceptance_length,
    engine_spec_drafts as spec_acceptance_den,
    limiting_factor
from {{ ref('int_deployments__hours') }}
where {{ is_restated('event_date') }}
