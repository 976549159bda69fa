-- GPU time per UTC day and segment: held by a deployment and busy, or held by none.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
with
states as (
    select
        {{ hour_date('states.hour_index') }} as event_date,
        states.deployment_id,
        states.site_id,
        states.state,
        cast(sum(states.state_us) as bigint) as state_us
    from {{ ref('int_gpu__state_hours') }} as states
    where {{ is_restated_hour('states.hour_index') }}
    group by 1, 2, 3, 4
)

select
    states.event_date,
    states.deployment_id,
    {{ segment_columns('states.deployment_id', 'deployments', "'unallocated'", 'sites.region') }},
    cast(sum(states.state_us) as bigint) as held_us,
    cast(sum(case when states.state = 'busy' then states.state_us else 0 end) as bigint) as busy_us
from states
left join {{ ref('int_fleet__deployments') }} as deployments
    on states.deployment_id = deployments.deployment_id
left join {{ ref('int_fleet__sites') }} as sites on states.site_id = sites.site_id
group by 1, 2, 3, 4, 5
