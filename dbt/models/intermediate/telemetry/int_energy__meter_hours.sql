-- Metered energy per meter and UTC hour, in 1e-9 kWh.
with
exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from {{ ref('int_energy__readings') }}
),

clipped as (
    select
        *,
        {{ clipped_from('from_us', 'hour_index') }} - from_us as elapsed_from,
        {{ clipped_to('to_us', 'hour_index') }} - from_us as elapsed_to,
        to_us - from_us as length_us
    from exploded
)

select
    meter_id,
    hour_index,
    cast(sum({{ sign_of('energy_nkwh') }} * {{ part_of('abs(energy_nkwh)', 'elapsed_from', 'elapsed_to', 'length_us') }})
        as bigint) as energy_nkwh,
    cast(sum(elapsed_to - elapsed_from) as bigint) as measured_us
from clipped
group by meter_id, hour_index
