-- One row per attempt of any date, as the lake tells it: what readers of attempts seldom ask for is taken from
-- here and stored nowhere. Most records are attempts as they are; what became of those that share a request id
-- the sightings tell.
{{ config(materialized='view') }}
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
            select 1 from {{ ref('int_requests__sightings') }} as sightings
            where sightings.request_id = requests.request_id
        )
)

select * from plain
union all
select * from told
