-- Energy of a deployment's GPUs per hour: all of it, the part while busy, and the part above idle.
-- Unknown where one of them was not measured: what nobody saw is not 0.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_costs__restated_dates') }}"
) }}
with
gpus as (
    select
        replicas.deployment_id,
        replicas.site_id,
        replicas.hour_index,
        deployments.idle_power_mw,
        cast({{ int_div(
            'cast(energy.energy_mj as ' ~ big_integer() ~ ') * replicas.assigned_us', 'energy.paid_us'
        ) }} as bigint) as energy_mj,
        cast({{ int_div(
            'cast(deployments.idle_power_mw as ' ~ big_integer() ~ ') * replicas.assigned_us', '1000000'
        ) }} as bigint) as idle_draw_mj,
        cast({{ int_div(
            'cast(deployments.idle_power_mw as ' ~ big_integer() ~ ')'
            ~ ' * (replicas.assigned_us - coalesce(busy.state_us, 0))', '1000000'
        ) }} as bigint) as empty_draw_mj,
        replicas.assigned_us,
        coalesce(busy.state_us, 0) as busy_us,
        energy.checked_power_mj,
        energy.checked_counter_mj
    from (
        select deployment_id, site_id, gpu_uuid, hour_index, cast(sum(assigned_us) as bigint) as assigned_us
        from {{ ref('int_gpu__replica_hours') }}
        where {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
        group by deployment_id, site_id, gpu_uuid, hour_index
    ) as replicas
    inner join {{ ref('int_gpu__measured_hours') }} as energy
        on replicas.gpu_uuid = energy.gpu_uuid and replicas.hour_index = energy.hour_index
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on replicas.deployment_id = deployments.deployment_id
    left join (
        select gpu_uuid, hour_index, deployment_id, cast(sum(state_us) as bigint) as state_us
        from {{ ref('int_gpu__state_hours') }}
        where state = 'busy' and {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
        group by gpu_uuid, hour_index, deployment_id
    ) as busy
        on
            replicas.gpu_uuid = busy.gpu_uuid
            and replicas.hour_index = busy.hour_index
            and replicas.deployment_id = busy.deployment_id
),

split as (
    select
        *,
        case
            when idle_power_mw is not null then {{ at_least_zero('energy_mj - empty_draw_mj') }}
            else cast({{ int_div(
                'cast(energy_mj as ' ~ big_integer() ~ ') * busy_us', 'assigned_us'
            ) }} as bigint)
        end as busy_mj,
        {{ at_least_zero('energy_mj - idle_draw_mj') }} as above_idle_mj
    from gpus
),

summed as (
    select
        deployment_id,
        site_id,
        hour_index,
        cast(sum(assigned_us) as bigint) as assigned_us,
        cast(sum(case when energy_mj is null then 0 else assigned_us end) as bigint) as measured_us,
        cast({{ known_sum('energy_mj') }} as bigint) as energy_mj,
        cast({{ known_sum('busy_mj') }} as bigint) as busy_mj,
        cast({{ known_sum('above_idle_mj') }} as bigint) as above_idle_mj,
        cast(sum(checked_power_mj) as bigint) as checked_power_mj,
        cast(sum(checked_counter_mj) as bigint) as checked_counter_mj
    from split
    group by deployment_id, site_id, hour_index
)

select
    summed.*,
    sites.grid_zone,
    sites.pue_ppm,
    sites.is_metered,
    cast({{ int_div(
        'cast(summed.energy_mj as ' ~ big_integer() ~ ') * sites.facility_factor_ppm', '1000000'
    ) }} as bigint) as facility_mj,
    cast({{ int_div(
        'cast(summed.busy_mj as ' ~ big_integer() ~ ') * sites.facility_factor_ppm', '1000000'
    ) }} as bigint) as facility_busy_mj,
    -- The site's IT is what its meter leaves without cooling and losses: GPUs, hosts, network. Without a meter
    -- nobody knows what the hosts drew.
    {% for kind in ['', 'busy_'] -%}
    case when sites.is_metered then cast({{ int_div(
        'cast(summed.' ~ (kind or 'energy_') ~ 'mj' ~ ' as ' ~ big_integer()
        ~ ') * sites.facility_factor_ppm', 'sites.pue_ppm'
    ) }} as bigint) end as it_{{ kind }}mj{{ "," if not loop.last }}
    {% endfor %}
from summed
left join {{ ref('int_energy__site_hours') }} as sites
    on summed.site_id = sites.site_id and summed.hour_index = sites.hour_index
