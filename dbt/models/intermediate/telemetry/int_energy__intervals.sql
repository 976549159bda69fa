-- Intervals that a meter was read for, in 1e-9 kWh, and how many of them meet each other.
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

chosen as (
    select
        meter_id,
        {{ whole('kwh', 1000000000) }} as energy_nkwh,
        {{ epoch_us('interval_start') }} as from_us,
        {{ epoch_us('interval_start') }} + interval_seconds * 1000000 as to_us
    from readings
    where kwh is not null
    -- Import and net are not the same energy: one of them, for all of a meter.
    qualify dense_rank() over (partition by meter_id order by direction_rank asc) = 1
),

starts as (
    select
        *,
        case when {{ reached_over('meter_id') }} > from_us then 0 else 1 end as is_start
    from chosen
),

numbered as (
    select
        *,
        sum(is_start) over (
            partition by meter_id order by from_us asc nulls first, to_us asc nulls first
            rows between unbounded preceding and current row
        ) as island
    from starts
)

select
    meter_id,
    from_us,
    to_us,
    energy_nkwh,
    island,
    count(*) over (partition by meter_id, island) as island_size
from numbered
