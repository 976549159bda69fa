-- What a server's or a site's hour was used for: deployment and state with the weight of each.
-- Servers weigh by GPU time; sites by GPU time × measured energy, or by time alone in an hour in which
-- one of their GPUs was not measured.
with
states as (
    select * from {{ ref('int_gpu__state_hours') }}
),

energy as (
    select * from {{ ref('int_gpu__measured_hours') }}
),

sites as (
    select * from {{ ref('int_energy__site_hours') }}
),

gpus as (
    select
        energy.gpu_uuid,
        energy.hour_index,
        coalesce(sites.gpu_energy_mj, 0) > 0 as is_measured,
        case when coalesce(sites.gpu_energy_mj, 0) > 0 then energy.energy_mj else 1 end as energy_weight
    from energy
    left join sites on energy.site_id = sites.site_id and energy.hour_index = sites.hour_index
)

select
    'server' as scope,
    server_id as scope_id,
    hour_index,
    deployment_id,
    state,
    'gpu-time' as gpu_method,
    cast(sum(state_us) as {{ big_integer() }}) as weight
from states
group by server_id, hour_index, deployment_id, state
union all
select
    'site' as scope,
    states.site_id as scope_id,
    states.hour_index,
    states.deployment_id,
    states.state,
    case when bool_or(gpus.is_measured) then 'gpu-energy' else 'gpu-time' end as gpu_method,
    -- Milliseconds, since microseconds × millijoules × money of a large site would not fit.
    sum(
        cast(greatest(1, {{ int_div('states.state_us', '1000') }}) as {{ big_integer() }})
        * gpus.energy_weight
    ) as weight
from states
inner join gpus on states.gpu_uuid = gpus.gpu_uuid and states.hour_index = gpus.hour_index
group by states.site_id, states.hour_index, states.deployment_id, states.state
