-- Average power of a meter over each demand window, in 1e-9 kW. Windows are blocks of the wall clock; the
-- hour that comes twice in autumn is two of them.
with
lengths as (
    select distinct meter_id, window_us
    from {{ ref('int_tariffs__periods') }}
),

blocks as (
    select
        slots.meter_id,
        lengths.window_us,
        slots.local_us - slots.slot_from_us as offset_us,
        {{ int_div('slots.local_us', 'lengths.window_us') }} as window_index,
        min(slots.slot_from_us) as window_from_us,
        min(slots.month) as month,
        min(slots.hour) as hour,
        min(slots.day_type) as day_type,
        cast(sum(slots.energy_nkwh) as bigint) as energy_nkwh
    from {{ ref('int_tariffs__slots') }} as slots
    inner join lengths on slots.meter_id = lengths.meter_id
    group by
        slots.meter_id, lengths.window_us, slots.local_us - slots.slot_from_us,
        {{ int_div('slots.local_us', 'lengths.window_us') }}
)

select
    *,
    cast({{ int_div(
        'cast(greatest(energy_nkwh, 0) as ' ~ big_integer() ~ ') * ' ~ hour_us(), 'window_us'
    ) }} as bigint) as power_nkw
from blocks
