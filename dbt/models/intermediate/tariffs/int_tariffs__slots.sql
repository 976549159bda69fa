-- Energy of each site's meter by five minutes, with the wall clock of the site.
with
exploded as (
    select
        readings.*,
        meters.time_zone,
        {{ explode_range(int_div('readings.from_us', slot_us()), int_div('readings.to_us - 1', slot_us())) }}
            as slot_index
    from {{ ref('int_energy__readings') }} as readings
    inner join {{ ref('int_tariffs__meters') }} as meters on readings.meter_id = meters.meter_id
),

clipped as (
    select
        *,
        slot_index * {{ slot_us() }} as slot_from_us,
        greatest(from_us, slot_index * {{ slot_us() }}) - from_us as elapsed_from,
        least(to_us, (slot_index + 1) * {{ slot_us() }}) - from_us as elapsed_to,
        to_us - from_us as length_us
    from exploded
),

summed as (
    select
        meter_id,
        time_zone,
        slot_from_us,
        sum({{ sign_of('energy_nkwh') }} * {{ part_of('abs(energy_nkwh)', 'elapsed_from', 'elapsed_to', 'length_us') }})
            as energy_nkwh,
        sum(elapsed_to - elapsed_from) as measured_us
    from clipped
    group by meter_id, time_zone, slot_from_us
),

timed as (
    select
        meter_id,
        slot_from_us,
        cast(energy_nkwh as bigint) as energy_nkwh,
        cast(measured_us as bigint) as measured_us,
        {{ local_us('slot_from_us', 'time_zone') }} as local_us
    from summed
)

select
    *,
    {{ local_month('local_us') }} as month,
    {{ local_hour('local_us') }} as hour,
    {{ local_day_type('local_us') }} as day_type
from timed
