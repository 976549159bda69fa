-- Energy of each priced period in order, with the running total of the bill that its tiers count.
with
joined as (
    select
        periods.purpose,
        periods.period_id,
        periods.meter_id,
        periods.tariff_id,
        periods.tariff_from_us,
        periods.market,
        periods.grid_zone,
        periods.currency,
        periods.days,
        slots.slot_from_us,
        slots.month,
        slots.hour,
        slots.day_type,
        slots.measured_us,
        slots.energy_nkwh
    from {{ ref('int_tariffs__periods') }} as periods
    inner join {{ ref('int_tariffs__slots') }} as slots
        on
            periods.meter_id = slots.meter_id
            and slots.slot_from_us >= periods.from_us
            and slots.slot_from_us < periods.to_us
    where periods.tariff_from_us is not null or periods.market is not null
)

select
    *,
    sum(energy_nkwh) over (
        partition by purpose, period_id, meter_id
        order by slot_from_us asc nulls first rows between unbounded preceding and current row
    ) - energy_nkwh as total_before_nkwh
from joined
