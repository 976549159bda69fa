-- One row per attempt of the dates that are made again, resolved to replica and deployment. Most records are
-- attempts as they are; what became of those that share a request id the sightings tell.
{{ config(materialized='view') }}
-- depends_on: {{ ref('int_requests__restated_dates') }}
{% set filled = filled_from_sightings() + input_parts() %}
with
told as (
    select
        {{ all_but(filled + ['is_outer'], 'sightings') }},
        {% for column in filled -%}
        coalesce(sightings.{{ column }}, calls.{{ column }}) as {{ column }},
        {% endfor -%}
        coalesce(calls.sighting_count, 1) as sighting_count
    from {{ ref('int_requests__sightings') }} as sightings
    left join {{ ref('int_requests__calls') }} as calls
        on sightings.emitter = calls.emitter and sightings.request_id = calls.request_id
    where
        not sightings.is_outer
        and coalesce(calls.is_lead, true)
        {% if not is_whole_build() -%}
        and sightings.started_date in {{ dates_of('int_requests__restated_dates') }}
        {%- endif %}
),

plain as (
    select
        {{ all_but(filled, 'requests') }},
        requests.event_date as started_date,
        {% for column in filled -%}
        requests.{{ column }},
        {% endfor -%}
        cast(1 as bigint) as sighting_count
    from {{ ref('stg_lake__requests') }} as requests
    where
        not exists (
            select 1 from {{ ref('int_requests__shared_ids') }} as shared
            where shared.request_id = requests.request_id
        )
        {% if not is_whole_build() -%}
        and requests.event_date in {{ dates_of('int_requests__restated_dates') }}
        {%- endif %}
),

attempts as (
    select
        *,
        {{ epoch_us('started_at') }} as started_us
    from (
        select * from plain
        union all
        select * from told
    ) as seen
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
)

select
    {{ all_but(['model_served', 'region'], 'placed') }},
    coalesce(deployments.model, placed.model_served, placed.model_requested) as model,
    placed.model_served,
    deployments.tier,
    coalesce(deployments.region, placed.region) as region
from placed
left join deployments on placed.deployment_id = deployments.deployment_id
