{{ config(materialized='table') }}
with
deployments as (
    select * from {{ ref('int_fleet__deployments') }}
),

sizes as (
    select
        deployment_id,
        max(replica_count) as replica_count,
        max(gpu_count) as gpu_count
    from {{ ref('int_deployments__hours') }}
    group by deployment_id
)

select
    deployments.deployment_id,
    deployments.model,
    deployments.tier,
    deployments.site_id,
    deployments.region,
    deployments.max_num_seqs,
    deployments.max_num_batched_tokens,
    deployments.prefill_weight_ps / 1000000000000e0 as prefill_weight,
    deployments.decode_weight_ps / 1000000000000e0 as decode_weight,
    deployments.cache_read_weight_ps / 1000000000000e0 as cache_read_weight,
    sizes.replica_count,
    sizes.gpu_count,
    deployments.slo_ttft_seconds,
    deployments.slo_tpot_seconds,
    deployments.slo_e2e_seconds
from deployments
left join sizes on deployments.deployment_id = sizes.deployment_id
