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
),

-- Those that the fleet describes last: the ones that hold GPUs the longest.
pools as (
    select
        deployment_id,
        nullif(count(distinct case when pool = 'prefill' then replica_id end), 0) as prefill_replica_count,
        nullif(count(distinct case when pool = 'decode' then replica_id end), 0) as decode_replica_count
    from (
        select
            *,
            max(valid_to_us) over (partition by deployment_id) as last_us
        from {{ ref('int_fleet__replica_gpus') }}
    ) as held
    where valid_to_us = last_us
    group by deployment_id
),

-- Weights in force in the last hour of the books; those that are stated before any request is seen.
learnt as (
    select deployment_id, prefill_ps, decode_ps, cache_read_ps
    from {{ ref('int_allocation__methods') }}
    where prefill_ps is not null
    qualify row_number() over (partition by deployment_id order by hour_index desc) = 1
)

select
    deployments.deployment_id,
    deployments.model,
    deployments.tier,
    deployments.site_id,
    deployments.region,
    deployments.max_num_seqs,
    deployments.max_num_batched_tokens,
    coalesce(learnt.prefill_ps, deployments.prefill_weight_ps) / 1000000000000e0 as prefill_weight,
    coalesce(learnt.decode_ps, deployments.decode_weight_ps) / 1000000000000e0 as decode_weight,
    coalesce(learnt.cache_read_ps, deployments.cache_read_weight_ps) / 1000000000000e0 as cache_read_weight,
    sizes.replica_count,
    pools.prefill_replica_count,
    pools.decode_replica_count,
    sizes.gpu_count,
    deployments.slo_ttft_seconds,
    deployments.slo_tpot_seconds,
    deployments.slo_e2e_seconds
from deployments
left join sizes on deployments.deployment_id = sizes.deployment_id
left join pools on deployments.deployment_id = pools.deployment_id
left join learnt on deployments.deployment_id = learnt.deployment_id
