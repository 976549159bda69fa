-- What the energy of each priced period costs, hour by hour, at the tariff's rate of its period of the day
-- and of the tier that the bill has reached, or at the market's price. 1e-9 kWh × 1e-12 of the currency.
-- Null where energy flows back or a tier counts what is not known here.
with
slots as (
    select * from {{ ref('int_tariffs__energy_slots') }}
),

peaks as (
    select purpose, period_id, meter_id, peak_nkw
    from {{ ref('int_tariffs__peaks') }}
    where component = 'any'
),

rated as (
    select
        slots.purpose,
        slots.period_id,
        slots.meter_id,
        slots.slot_from_us,
        slots.energy_nkwh,
        slots.total_before_nkwh,
        schedule.component,
        schedule.period as tariff_period,
        rates.rate_units,
        rates.tier_unit,
        rates.tier_from_nano,
        rates.tier_to_nano,
        case
            when rates.tier_unit is null or rates.tier_unit = 'kWh' then 1000000000
            when rates.tier_unit = 'kWh daily' then slots.days * 1000000000
            when rates.tier_unit = 'kWh/kW' then peaks.peak_nkw
            when rates.tier_unit = 'kWh/kW daily' then peaks.peak_nkw * slots.days
        end as per_nano
    from slots
    inner join {{ ref('int_tariffs__schedule') }} as schedule
        on
            slots.tariff_id = schedule.tariff_id
            and slots.tariff_from_us = schedule.valid_from_us
            and schedule.component in ('energy', 'fuel_adjustment')
            and slots.month = schedule.month
            and slots.hour = schedule.hour
            and slots.day_type = schedule.day_type
    inner join {{ ref('int_tariffs__rates') }} as rates
        on
            slots.tariff_id = rates.tariff_id
            and slots.tariff_from_us = rates.valid_from_us
            and schedule.component = rates.component
            and schedule.period = rates.period
    left join peaks
        on
            slots.purpose = peaks.purpose
            and slots.period_id = peaks.period_id
            and slots.meter_id = peaks.meter_id
),

-- The first tier starts at 0 whatever its unit; a tier after the last limit has the unit of that limit.
bounded as (
    select
        *,
        {{ int_div('tier_from_nano * max(per_nano) over (partition by purpose, period_id, meter_id, slot_from_us, component)', '1000000000') }}
            as from_nkwh,
        {{ int_div('tier_to_nano * per_nano', '1000000000') }} as to_nkwh
    from rated
),

parts as (
    select
        purpose,
        period_id,
        meter_id,
        slot_from_us,
        component,
        tariff_period,
        case
            when energy_nkwh >= 0 and per_nano is not null then greatest(0,
                least(total_before_nkwh + energy_nkwh, coalesce(to_nkwh, total_before_nkwh + energy_nkwh))
                - greatest(total_before_nkwh, from_nkwh)
            )
        end as part_nkwh,
        rate_units
    from bounded
    where energy_nkwh <> 0
),

market as (
    select
        slots.purpose,
        slots.period_id,
        slots.meter_id,
        slots.slot_from_us,
        'energy' as component,
        cast(null as bigint) as tariff_period,
        slots.energy_nkwh as part_nkwh,
        {{ money_units('prices.price_per_kwh') }} as rate_units
    from slots
    left join {{ ref('int_prices__electricity') }} as prices
        on
            slots.grid_zone = prices.zone
            and slots.market = prices.market
            and slots.currency = prices.currency
            and slots.slot_from_us >= prices.from_us
            and slots.slot_from_us < prices.to_us
    where slots.market is not null and slots.energy_nkwh <> 0
    qualify row_number() over (
        partition by slots.purpose, slots.period_id, slots.meter_id, slots.slot_from_us
        order by prices.basis_rank asc nulls last, prices.to_us - prices.from_us asc nulls last
    ) = 1
)

select
    purpose,
    period_id,
    meter_id,
    {{ hour_index('slot_from_us') }} as hour_index,
    component,
    tariff_period,
    sum(part_nkwh) as energy_nkwh,
    {{ known_sum('cast(part_nkwh as ' ~ big_integer() ~ ') * rate_units') }} as charge_nano_units
from (
    select * from parts
    union all
    select * from market
) as priced
group by purpose, period_id, meter_id, {{ hour_index('slot_from_us') }}, component, tariff_period
