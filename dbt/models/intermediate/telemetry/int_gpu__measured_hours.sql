-- Energy of each paid GPU hour: unknown unless 90 % of the hour was measured.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_gpu__restated_dates') }}"
) }}
select
    paid.gpu_uuid,
    paid.site_id,
    paid.hour_index,
    paid.paid_us,
    case when energy.measured_us * 10 >= paid.paid_us * 9 then energy.energy_mj end as energy_mj,
    energy.checked_power_mj,
    energy.checked_counter_mj
from {{ ref('int_gpu__paid_hours') }} as paid
left join {{ ref('int_gpu__energy_hours') }} as energy
    on paid.gpu_uuid = energy.gpu_uuid and paid.hour_index = energy.hour_index
where {{ is_restated_hour('paid.hour_index', 'int_gpu__restated_dates') }}
