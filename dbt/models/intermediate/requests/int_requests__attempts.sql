-- One row per attempt, resolved to replica and deployment.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
{% set filled = filled_from_sightings() + input_parts() %}
with
attempts as (
    select
        {{ all_but(filled + ['is_outer'], 'sightings') }},
        {% for column in filled -%}
        coalesce(sightings.{{ column }}, calls.{{ column }}) as {{ column }},
        {% endfor -%}
        {{ epoch_us('sightings.started_at') }} as started_us,
        coalesce(calls.sighting_count, 1) as sighting_count
    from {{ ref('int_requests__sightings') }} as sightings
    left join {{ ref('int_requests__calls') }} as calls
        on sightings.emitter = calls.emitter and sightings.request_id = calls.request_id
    where
        not sightings.is_outer
        and coalesce(calls.is_lead, true)
        and {{ is_restated('sightings.started_date', 'int_requests__restated_dates') }}
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
        attempts.*,
        endpoints.replica_id,
        coalesce(endpoints.deployment_id, deployment_keys.deployment_id) as deployment_id
    from attempts
    left join endpoints
        on
            lower(attempts.endpoint) = endpoints.endpoint_name
            and attempts.started_us >= endpoints.valid_from_us
            and attempts.started_us < endpoints.valid_to_us
    left join deployment_keys on attempts.deployment_key = deployment_keys.deployment_name
    qualify row_number() over (
        partition by attempts.emitter, attempts.request_id
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
    deployments.slo_e2e_seconds
from placed
left join deployments on placed.deployment_id = deployments.deployment_id
