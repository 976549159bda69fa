with
hours as (
    select
        *,
        {{ ratio('memory_megabyte_us', 'replica_us') }} * 1000000e0 as memory_bytes,
        {{ ratio('kv_capacity_sum', 'kv_capacity_us') }} * kv_bytes_per_token as kv_capacity_bytes,
        {{ ratio('work_gflop', 'moved_megabytes') }} * 1000e0 as arithmetic_intensity,
        {{ ratio('peak_gflop', 'peak_megabytes') }} * 1000e0 as ridge_intensity,
        {{ ratio('work_gflop', 'busy_peak_gflop') }} as mfu_ratio,
        {{ ratio('moved_megabytes', 'busy_peak_megabytes') }} as mbu_ratio
    from {{ ref('int_deployments__hours') }}
    where {{ is_restated('event_date') }}
),

placed as (
    select
        *,
        kv_capacity_bytes * mean_kv_usage_ratio as kv_used_bytes,
        case
            when arithmetic_intensity >= ridge_intensity then 'compute'
            when arithmetic_intensity < ridge_intensity then 'bandwidth'
        end as roofline_side
    from hours
)

select
    deployment_id,
    hour_start,
    event_date,
    model,
    tier,
    region,
    precision,
    chip,
    replica_count,
    gpu_count,
    memory_bytes,
    cast(weight_bytes as double) as weight_bytes,
    kv_capacity_bytes,
    kv_used_bytes,
    kv_capacity_bytes - kv_used_bytes as kv_free_bytes,
    memory_bytes - weight_bytes - kv_capacity_bytes as other_bytes,
    cast(kv_bytes_per_token as bigint) as kv_bytes_per_token,
    work_gflop / 1000e0 as work_tflop,
    work_source,
    moved_megabytes / 1000e0 as moved_gigabytes,
    moved_source,
    {{ ratio('kv_megabytes', 'weight_megabytes + kv_megabytes') }} as kv_read_share_ratio,
    (weight_megabytes + kv_megabytes) / 1000e0 as kv_read_share_den,
    step_count,
    mfu_ratio,
    mbu_ratio,
    arithmetic_intensity,
    ridge_intensity,
    roofline_side,
    {{ known_greatest('mfu_ratio', 'mbu_ratio') }} as roofline_ratio,
    busy_us / 3600000000e0 as roofline_den,
    mean_running,
    mean_waiting,
    mean_kv_usage_ratio,
    engine_preemptions as preemption_count,
    limiting_factor,
    case
        when limiting_factor in ('demand', 'kv') then limiting_factor
        when limiting_factor is not null then roofline_side
    end as bound,
    facts_source,
    nullif(concat_ws(',', missing_facts, case when is_chip_unknown then 'chip' end), '') as missing_facts
from placed
