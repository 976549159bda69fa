with
deployments as (
    select * from {{ ref('stg_lake__fleet_deployments') }}
    qualify row_number() over (
        partition by deployment_id
        order by valid_from desc, source_file desc, source_digest desc, source_line desc
    ) = 1
),

sites as (
    select * from {{ ref('stg_lake__fleet_sites') }}
    qualify row_number() over (
        partition by site_id
        order by valid_from desc, source_file desc, source_digest desc, source_line desc
    ) = 1
),

tiers as (
    select * from {{ ref('stg_lake__fleet_tiers') }}
    qualify row_number() over (
        partition by tier
        order by valid_from desc, source_file desc, source_digest desc, source_line desc
    ) = 1
)

select
    deployments.deployment_id,
    deployments.deployment_key,
    deployments.model,
    deployments.tier,
    deployments.site_id,
    sites.region,
    deployments.max_num_seqs,
    deployments.max_num_batched_tokens,
    {{ whole('deployments.prefill_weight', 1000000000000) }} as prefill_weight_ps,
    {{ whole('deployments.decode_weight', 1000000000000) }} as decode_weight_ps,
    {{ whole('deployments.cache_read_weight', 1000000000000) }} as cache_read_weight_ps,
    {{ whole('deployments.idle_power_watts', 1000) }} as idle_power_mw,
    tiers.slo_ttft_seconds,
    tiers.slo_tpot_seconds,
    tiers.slo_e2e_seconds
from deployments
left join sites on deployments.site_id = sites.site_id
left join tiers on deployments.tier = tiers.tier
