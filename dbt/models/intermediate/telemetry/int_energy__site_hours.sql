-- GPU energy of a site against its meter, and the factor from accelerator to facility in millionths:
-- metered energy over GPU energy where both are whole (it holds PUE and the rest of the IT), else PUE,
-- as the hour's meters measure it or as the fleet states it.
with
energy as (
    select * from {{ ref('int_gpu__measured_hours') }}
),

sites as (
    select * from {{ ref('int_fleet__sites') }}
),

meters as (
    select * from {{ ref('int_energy__meter_hours') }}
),

gpus as (
    select
        site_id,
        hour_index,
        count(*) as gpu_count,
        count(energy_mj) as measured_count,
        cast({{ known_sum('energy_mj') }} as bigint) as gpu_energy_mj
    from energy
    group by site_id, hour_index
),

joined as (
    select
        gpus.*,
        coalesce(pues.pue_ppm, sites.pue_ppm) as pue_ppm,
        sites.grid_zone,
        meters.energy_nkwh as meter_nkwh,
        meters.measured_us = {{ hour_us() }}
        and gpus.gpu_energy_mj > 0 as is_metered
    from gpus
    inner join sites on gpus.site_id = sites.site_id
    left join meters
        on sites.facility_meter_id = meters.meter_id and gpus.hour_index = meters.hour_index
    left join {{ ref('int_energy__pue_hours') }} as pues
        on gpus.site_id = pues.site_id and gpus.hour_index = pues.hour_index
)

select
    site_id,
    hour_index,
    gpu_count,
    measured_count,
    gpu_energy_mj,
    meter_nkwh,
    pue_ppm,
    grid_zone,
    coalesce(is_metered, false) as is_metered,
    -- 1e-9 kWh is 3.6 mJ.
    cast(case
        when is_metered then {{ int_div('cast(meter_nkwh as ' ~ big_integer() ~ ') * 36', '10') }}
        else {{ int_div('cast(gpu_energy_mj as ' ~ big_integer() ~ ') * pue_ppm', '1000000') }}
    end as bigint) as facility_mj,
    case
        when is_metered
            then cast({{ int_div(
                'cast(meter_nkwh as ' ~ big_integer() ~ ') * 3600000', 'gpu_energy_mj'
            ) }} as bigint)
        else pue_ppm
    end as facility_factor_ppm
from joined
