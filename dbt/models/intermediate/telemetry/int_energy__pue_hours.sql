-- Measured PUE of a site's hour, in millionths: its meter over the meter of its IT, where both were read for
-- the whole hour. Below 1 and above 3 is no PUE but a wrong meter (metrics: 6).
with
sites as (
    select * from {{ ref('int_fleet__sites') }}
    where facility_meter_id is not null and it_meter_id is not null
),

measured as (
    select
        sites.site_id,
        facility.hour_index,
        facility.energy_nkwh as facility_nkwh,
        it.energy_nkwh as it_nkwh
    from sites
    inner join {{ ref('int_energy__meter_hours') }} as facility on sites.facility_meter_id = facility.meter_id
    inner join {{ ref('int_energy__meter_hours') }} as it
        on sites.it_meter_id = it.meter_id and facility.hour_index = it.hour_index
    where
        facility.measured_us = {{ hour_us() }} and it.measured_us = {{ hour_us() }}
        and it.energy_nkwh > 0
)

select
    *,
    case
        when facility_nkwh between it_nkwh and 3 * it_nkwh
            then cast({{ int_div(
                'cast(facility_nkwh as ' ~ big_integer() ~ ') * 1000000', 'it_nkwh'
            ) }} as bigint)
    end as pue_ppm
from measured
