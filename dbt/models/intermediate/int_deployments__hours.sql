-- Everything known about a deployment's hour, in whole units; the hourly marts divide it.
{{ config(materialized='incremental', pre_hook="{{ forget_restated_hours('hour_index') }}") }}
with
gpus as (
    select * from {{ ref('int_deployments__gpu_hours') }}
    where {{ is_restated_hour('hour_index') }}
),

engine as (
    select * from {{ ref('int_deployments__engine_hours') }}
    where {{ is_restated_hour('hour_index') }}
),

requests as (
    select * from {{ ref('int_deployments__request_hours') }}
    where {{ is_restated_hour('hour_index') }}
),

costs as (
    select * from {{ ref('int_deployments__cost_hours') }}
    where {{ is_restated_hour('hour_index') }}
),

peaks as (
    select * from {{ ref('int_deployments__peak_hours') }}
    where {{ is_restated_hour('hour_index') }}
),

work as (
    select * from {{ ref('int_deployments__work_hours') }}
    where {{ is_restated_hour('hour_index') }}
),

energy as (
    select
        deployment_id,
        hour_index,
        cast({{ known_sum('energy_mj') }} as bigint) as energy_mj
    from {{ ref('int_energy__deployment_hours') }}
    where {{ is_restated_hour('hour_index') }}
    group by deployment_id, hour_index
),

joined as (
    select
        gpus.*,
        {{ all_but(['deployment_id', 'hour_index'], 'engine') }},
        coalesce(requests.request_count, 0) as request_count,
        coalesce(requests.success_count, 0) as success_count,
        coalesce(requests.relative_count, 0) as relative_count,
        requests.input_served_tokens,
        requests.output_served_tokens,
        requests.input_total_tokens,
        requests.input_cache_read_tokens,
        requests.output_total_tokens,
        coalesce(requests.service_us, 0) as service_us,
        energy.energy_mj,
        costs.served_units,
        costs.idle_units,
        costs.waste_units,
        {{ all_but(['deployment_id', 'hour_index'], 'peaks') }},
        {{ all_but(['deployment_id', 'hour_index'], 'work') }},
        -- What the GPUs could have done while busy.
        {% for peak in ['peak_gflop', 'peak_megabytes'] -%}
        cast({{ int_div(
            'cast(peaks.' ~ peak ~ ' as ' ~ big_integer() ~ ') * gpus.busy_us', 'nullif(gpus.assigned_us, 0)'
        ) }} as bigint) as busy_{{ peak }},
        {% endfor -%}
        deployments.precision,
        deployments.model,
        deployments.tier,
        deployments.site_id,
        deployments.region,
        deployments.max_num_seqs,
        deployments.max_num_batched_tokens
    from gpus
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on gpus.deployment_id = deployments.deployment_id
    left join engine
        on gpus.deployment_id = engine.deployment_id and gpus.hour_index = engine.hour_index
    left join requests
        on gpus.deployment_id = requests.deployment_id and gpus.hour_index = requests.hour_index
    left join costs
        on gpus.deployment_id = costs.deployment_id and gpus.hour_index = costs.hour_index
    left join peaks
        on gpus.deployment_id = peaks.deployment_id and gpus.hour_index = peaks.hour_index
    left join work
        on gpus.deployment_id = work.deployment_id and gpus.hour_index = work.hour_index
    left join energy
        on gpus.deployment_id = energy.deployment_id and gpus.hour_index = energy.hour_index
),

divided as (
    select
        *,
        {{ hour_start('hour_index') }} as hour_start,
        {{ ratio('running_sum', 'running_us') }} / 1000e0 as mean_running,
        {{ ratio('waiting_sum', 'waiting_us') }} / 1000e0 as mean_waiting,
        {{ ratio('deferred_sum', 'deferred_us') }} / 1000e0 as mean_deferred,
        {{ ratio('kv_sum', 'kv_us') }} / 1000000e0 as mean_kv_usage_ratio,
        -- running is 0 when not busy, so its sum is that of the busy time.
        {{ ratio('running_sum', 'gauge_busy_us') }} / 1000e0 / max_num_seqs as batch_fill_ratio,
        {{ ratio('engine_step_tokens', 'engine_steps') }} as tokens_per_step,
        -- Little's law on the request log: service time over the busy time of the replicas.
        {{ ratio('nullif(service_us, 0)', 'replica_busy_us') }} as effective_batch
    from joined
)

select
    *,
    cast(hour_start as date) as event_date,
    case
        -- Nothing waits, so only demand limits, an engine without any work included (metrics: 8).
        when mean_waiting < 0.1 then 'demand'
        when mean_waiting is null then null
        -- The engine says itself that most of them wait for another reason than capacity.
        when mean_deferred >= 0.5e0 * mean_waiting then 'deferred'
        when batch_fill_ratio >= 0.9 then 'slots'
        when mean_kv_usage_ratio >= 0.9 or engine_preemptions > 0 then 'kv'
        when tokens_per_step >= 0.9 * max_num_batched_tokens then 'token_budget'
        -- What is none of these is put off; without the size of a batch nobody can tell.
        when batch_fill_ratio is not null then 'deferred'
    end as limiting_factor
from divided
