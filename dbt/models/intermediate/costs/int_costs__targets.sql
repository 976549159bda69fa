-- What a server's or a site's hour was used for: deployment and state with the weight of each. Servers
-- weigh by GPU time, sites by measured energy × GPU time; a GPU that was not measured weighs as the mean of
-- the others, and its row says so. Where less than half of a site's GPU time was measured, all weigh by time.
-- What is fixed weighs by rated power × GPU time (`site_reserved`), where all of a site's are known.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_gpu__restated_dates') }}"
) }}
with
states as (
    select
        states.*,
        -- Milliseconds, since microseconds × millijoules × money of a large site would not fit.
        cast(greatest(1, {{ int_div('states.state_us', '1000') }}) as {{ big_integer() }}) as state_ms,
        energy.energy_mj,
        energy.paid_us,
        servers.gpu_rated_mw
    from {{ ref('int_gpu__state_hours') }} as states
    left join {{ ref('int_gpu__measured_hours') }} as energy
        on states.gpu_uuid = energy.gpu_uuid and states.hour_index = energy.hour_index
    left join {{ ref('int_fleet__servers') }} as servers on states.server_id = servers.server_id
    where {{ is_restated_hour('states.hour_index', 'int_gpu__restated_dates') }}
),

sites as (
    select
        site_id,
        hour_index,
        sum(case when energy_mj is not null then paid_us else 0 end) as measured_us,
        sum(paid_us) as paid_us,
        sum(cast(energy_mj as {{ big_integer() }})) as measured_mj
    from {{ ref('int_gpu__measured_hours') }}
    where {{ is_restated_hour('hour_index', 'int_gpu__restated_dates') }}
    group by site_id, hour_index
),

weighed as (
    select
        states.*,
        count(states.gpu_rated_mw) over (partition by states.site_id, states.hour_index)
        = count(*) over (partition by states.site_id, states.hour_index) as is_rated,
        coalesce(sites.measured_us * 2 >= sites.paid_us and sites.measured_mj > 0, false) as is_by_energy,
        case
            when states.energy_mj is not null then states.energy_mj
            else {{ int_div('sites.measured_mj * states.paid_us', 'nullif(sites.measured_us, 0)') }}
        end as known_mj
    from states
    left join sites on states.site_id = sites.site_id and states.hour_index = sites.hour_index
)

select
    'server' as scope,
    server_id as scope_id,
    hour_index,
    deployment_id,
    pool,
    state,
    'gpu-time' as gpu_method,
    cast(sum(state_us) as {{ big_integer() }}) as weight
from weighed
group by server_id, hour_index, deployment_id, pool, state
union all
select
    'site' as scope,
    site_id as scope_id,
    hour_index,
    deployment_id,
    pool,
    state,
    case
        when not bool_or(is_by_energy) then 'gpu-time'
        when count(energy_mj) = count(*) then 'gpu-energy'
        else 'gpu-energy-estimated'
    end as gpu_method,
    sum(state_ms * case when is_by_energy then known_mj else 1 end) as weight
from weighed
group by site_id, hour_index, deployment_id, pool, state
union all
select
    'site_reserved' as scope,
    site_id as scope_id,
    hour_index,
    deployment_id,
    pool,
    state,
    case when bool_or(is_rated) then 'reserved-kw' else 'reserved-gpus' end as gpu_method,
    sum(state_ms * case when is_rated then gpu_rated_mw else 1 end) as weight
from weighed
group by site_id, hour_index, deployment_id, pool, state
