-- One row per attempt: duplicates removed, resolved to replica and deployment.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
with
requests as (
    select * from {{ ref('stg_lake__requests') }}
    {% if is_incremental() -%}
    where request_id in (
        select request_id
        from {{ ref('stg_lake__requests') }}
        where {{ is_restated('event_date', 'int_requests__restated_dates') }}
    )
    {%- endif %}
    -- The same attempt may lie in two files, once unfinished: the last state wins, then file order.
    qualify row_number() over (
        partition by emitter, request_id
        order by
            ended_at desc nulls last, output_total_tokens desc nulls last,
            source_file asc nulls last, source_line asc nulls last, source_digest asc nulls last
    ) = 1
),

endpoints as (
    select * from {{ ref('int_fleet__endpoints') }}
),

deployments as (
    select * from {{ ref('int_fleet__deployments') }}
),

deployment_keys as (
    select deployment_key as deployment_name, min(deployment_id) as deployment_id
    from deployments
    where deployment_key is not null
    group by deployment_key
),

placed as (
    select
        requests.*,
        {{ epoch_us('requests.started_at') }} as started_us,
        endpoints.replica_id,
        coalesce(endpoints.deployment_id, deployment_keys.deployment_id) as deployment_id
    from requests
    left join endpoints
        on
            lower(requests.endpoint) = endpoints.endpoint_name
            and {{ epoch_us('requests.started_at') }} >= endpoints.valid_from_us
            and {{ epoch_us('requests.started_at') }} < endpoints.valid_to_us
    left join deployment_keys on requests.deployment_key = deployment_keys.deployment_name
    qualify row_number() over (
        partition by requests.emitter, requests.request_id
        order by endpoints.valid_from_us desc nulls last, endpoints.replica_id asc nulls last
    ) = 1
)

select
    {{ all_but(['model_served', 'region'], 'placed') }},
    coalesce(deployments.model, placed.model_served, placed.model_requested) as model,
    placed.model_served,
    deployments.tier,
    deployments.site_id,
    coalesce(deployments.region, placed.region) as region,
    deployments.prefill_weight_ps,
    deployments.decode_weight_ps,
    deployments.cache_read_weight_ps,
    deployments.slo_ttft_seconds,
    deployments.slo_tpot_seconds,
    deployments.slo_e2e_seconds,
    cast(placed.started_at as date) as started_date
from placed
left join deployments on placed.deployment_id = deployments.deployment_id
where {{ is_restated('cast(placed.started_at as date)', 'int_requests__restated_dates') }}
