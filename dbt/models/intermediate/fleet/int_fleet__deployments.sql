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
    lower(deployments.precision) as precision,
    {% for fact in [
        'parameters_active', 'parameters_total', 'layers', 'heads', 'kv_heads', 'head_dim', 'hidden',
        'vocabulary', 'bytes_per_weight', 'bytes_per_kv_value',
    ] -%}
    deployments.model_{{ fact }},
    {% endfor -%}
    {{ whole('deployments.prefill_weight', 1000000000000) }} as prefill_weight_ps,
    {{ whole('deployments.decode_weight', 1000000000000) }} as decode_weight_ps,
    {{ whole('deployments.cache_read_weight', 1000000000000) }} as cache_read_weight_ps,
    {{ whole('deployments.idle_power_watts', 1000) }} as idle_power_mw,
    {{ whole('deployments.idle_limit_ratio', 1000000) }} as idle_limit_ppm,
    -- FLOPs in units of 512, which divides the width of any attention: per token, per token that is
    -- attended to, and per token whose successor is chosen (metrics: 3.3).
    {{ int_div('2 * deployments.model_parameters_active', '512') }} as flops_per_token,
    {{ int_div('4 * deployments.model_layers * deployments.model_heads * deployments.model_head_dim', '512') }}
        as flops_per_context,
    {{ int_div('2 * deployments.model_hidden * deployments.model_vocabulary', '512') }} as flops_per_logit,
    {{ whole('deployments.model_parameters_total * deployments.model_bytes_per_weight') }} as weight_bytes,
    {{ whole(
        '2 * deployments.model_layers * deployments.model_kv_heads * deployments.model_head_dim'
        ~ ' * deployments.model_bytes_per_kv_value'
    ) }} as kv_bytes_per_token,
    tiers.deferrable_hours,
    tiers.slo_ttft_seconds,
    tiers.slo_tpot_seconds,
    tiers.slo_e2e_seconds
from deployments
left join sites on deployments.site_id = sites.site_id
left join tiers on deployments.tier = tiers.tier
