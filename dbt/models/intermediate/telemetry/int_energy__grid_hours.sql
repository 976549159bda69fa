-- Carbon intensity of each grid interval cut at UTC hours, in milligrams per kWh, location-based (average) and
-- of the residual mix. An hour takes the shortest average intervals that reach into it, an hourly series before a
-- yearly factor, and the longest residual ones: certificates are not hourly (metrics: 6). Marginal intensities
-- answer another question and never stand in for either.
with
bounds as (
    select * from {{ ref('int_fleet__window') }}
),

zones as (
    select distinct grid_zone
    from {{ ref('int_fleet__sites') }}
    where grid_zone is not null
),

intervals as (
    select
        zone as grid_zone,
        method,
        interval_seconds,
        {{ whole('carbon_grams_per_kwh', 1000) }} as milligrams,
        {{ epoch_us('interval_start') }} as from_us,
        {{ epoch_us('interval_start') }} + interval_seconds * 1000000 as to_us
    from {{ ref('stg_lake__grid_intensity') }}
    where method in ('average', 'residual')
    qualify row_number() over (
        partition by zone, method, interval_start, interval_seconds
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

-- A yearly factor has 8,760 hours, most of them outside of what anyone saw of the fleet.
seen as (
    select
        intervals.grid_zone,
        intervals.method,
        intervals.interval_seconds,
        intervals.milligrams,
        greatest(intervals.from_us, bounds.window_from_us) as from_us,
        least(intervals.to_us, bounds.window_to_us) as to_us
    from intervals
    inner join zones on intervals.grid_zone = zones.grid_zone
    inner join bounds
        on intervals.from_us < bounds.window_to_us and intervals.to_us > bounds.window_from_us
),

exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from seen
),

shortest as (
    select *
    from exploded
    qualify dense_rank() over (
        partition by grid_zone, method, hour_index
        order by case when method = 'average' then interval_seconds else -interval_seconds end asc
    ) = 1
)

select
    grid_zone,
    method,
    hour_index,
    milligrams,
    cast({{ clipped_to('to_us', 'hour_index') }} - {{ clipped_from('from_us', 'hour_index') }}
        as {{ big_integer() }}) as overlap_us
from shortest
