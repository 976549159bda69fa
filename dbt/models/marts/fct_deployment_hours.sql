select
    deployment_id,
    hour_start,
    event_date,
    model,
    tier,
    site_id,
    region,
    replica_count,
    gpu_count,
    {% for state in ['assigned', 'ready', 'busy', 'not_ready', 'ready_empty'] -%}
    {{ '(assigned_us - not_ready_us)' if state == 'ready' else state ~ '_us' }} / 3600000000e0
        as gpu_hours_{{ state }},
    {% endfor -%}
    busy_method,
    {{ ratio('covered_us', 'replica_us') }} as telemetry_coverage_ratio,
    request_count,
    success_count,
    input_total_tokens,
    input_cache_read_tokens,
    output_total_tokens,
    engine_input_tokens,
    engine_output_tokens,
    engine_prefix_cache_query_tokens as engine_prefix_query_tokens,
    engine_prefix_cache_hit_tokens as engine_prefix_hit_tokens,
    engine_preemptions,
    mean_running,
    mean_waiting,
    mean_kv_usage_ratio,
    batch_fill_ratio,
    tokens_per_step,
    effective_batch,
    limiting_factor,
    energy_mj / 1000e0 as gpu_energy_joules,
    {% for ratio_name in ['gpu_util', 'tensor_active', 'dram_active'] -%}
    {{ ratio(ratio_name ~ '_ppm_sum', ratio_name ~ '_ppm_us') }} / 1000000e0 as mean_{{ ratio_name }}_ratio,
    {% endfor -%}
    {{ money('served_units') }} as cost_served_usd,
    {{ money('idle_units') }} as cost_idle_usd,
    {{ money('waste_units') }} as cost_waste_usd
from {{ ref('int_deployments__hours') }}
where {{ is_restated('event_date') }}
