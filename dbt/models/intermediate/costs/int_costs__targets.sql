-- What a server's or a site's hour was used for: deployment and state with the weight of each.
-- Servers weigh by GPU time, sites by GPU time × measured energy; an unmeasured GPU counts as the mean.
with
states as (
    select * from {{ ref('int_gpu__state_hours') }}
),

paid as (
    select * from {{ ref('int_gpu__paid_hours') }}
),

energy as (
    select * from {{ ref('int_gpu__energy_hours') }}
),

sites as (
    select * from {{ ref('int_energy__site_hours') }}
),

gpus as (
    select
        paid.gpu_uuid,
        paid.hour_index,
        coalesce(sites.gpu_energy_mj, 0) > 0 as is_measured,
        case
            when coalesce(sites.gpu_energy_mj, 0) > 0
                then coalesce(
                    energy.energy_mj,
                    cast({{ int_div('sites.gpu_energy_mj', 'nullif(sites.measured_count, 0)') }} as bigint)
                )
            else 1
        end as energy_weight
    from paid
    left join energy on paid.gpu_uuid = energy.gpu_uuid and paid.hour_index = energy.hour_index
    left join sites on paid.site_id = sites.site_id and paid.hour_index = sites.hour_index
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
    sum(cast(states.state_us as {{ big_integer() }}) * gpus.energy_weight) as weight
from states
inner join gpus on states.gpu_uuid = gpus.gpu_uuid and states.hour_index = gpus.hour_index
group by states.site_id, states.hour_index, states.deployment_id, states.state
