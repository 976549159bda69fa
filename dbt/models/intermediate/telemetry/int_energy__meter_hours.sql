-- Metered energy per meter and UTC hour, in 1e-9 kWh.
with
readings as (
    select
        *,
        coalesce(energy_kwh, average_power_kw * interval_seconds / 3600e0) as kwh,
        case flow_direction
            when 'import' then 1 when 'net' then 2 when 'total' then 3 when 'unknown' then 4
        end as direction_rank
    from {{ ref('stg_lake__energy_readings') }}
    where quality <> 'projected' and flow_direction <> 'export'
    qualify row_number() over (
        partition by meter_id, flow_direction, interval_start, interval_seconds
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

-- A feed may hold the same energy by quarter hour, hour and day, and as import and net: one of each.
chosen as (
    select
        meter_id,
        interval_start,
        interval_seconds,
        {{ whole('kwh', 1000000000) }} as energy_nkwh
    from readings
    where kwh is not null
    qualify
        dense_rank() over (partition by meter_id order by direction_rank asc) = 1
        and dense_rank() over (
            partition by meter_id, direction_rank, cast(interval_start as date)
            order by interval_seconds asc
        ) = 1
),

timed as (
    select
        meter_id,
        energy_nkwh,
        {{ epoch_us('interval_start') }} as from_us,
        {{ epoch_us('interval_start') }} + interval_seconds * 1000000 as to_us
    from chosen
),

exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from timed
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
