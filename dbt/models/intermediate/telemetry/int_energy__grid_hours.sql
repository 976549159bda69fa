-- Carbon intensity of each grid interval cut at UTC hours, in milligrams per kWh.
with
intervals as (
    select
        zone as grid_zone,
        {{ whole('carbon_grams_per_kwh', 1000) }} as milligrams,
        {{ epoch_us('interval_start') }} as from_us,
        {{ epoch_us('interval_start') }} + interval_seconds * 1000000 as to_us
    from {{ ref('stg_lake__grid_intensity') }}
    where carbon_grams_per_kwh is not null
    qualify row_number() over (
        partition by zone, interval_start
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

exploded as (
    select
        *,
        {{ explode_hours('from_us', 'to_us') }} as hour_index
    from intervals
)

select
    grid_zone,
    hour_index,
    milligrams,
    cast({{ clipped_to('to_us', 'hour_index') }} - {{ clipped_from('from_us', 'hour_index') }}
        as {{ big_integer() }}) as overlap_us
from exploded
