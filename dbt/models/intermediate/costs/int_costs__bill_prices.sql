-- What each electricity bill comes to and how much energy it is for: as it states, or as the meter read.
with
lines as (
    select * from {{ ref('int_costs__bill_lines') }}
    where site_id is not null
),

bills as (
    select
        bill_id,
        meter_id,
        currency,
        min(period_from_us) as from_us,
        max(period_to_us) as to_us,
        sum({{ money_units('amount') }}) as amount_units
    from lines
    group by bill_id, meter_id, currency
),

-- Delivery and supply state the same kWh twice, each whole or by parts of the day: of what their words tell apart the
-- larger counts, and of the rest equal kWh count once.
named as (
    select
        lines.*,
        {% for word in ['delivery', 'distribution', 'transmission', 'transport', 'network', 'netz', 'wires'] -%}
        {{ "or " if not loop.first }}coalesce(lower(issued.description) like '%{{ word }}%', false)
        {% endfor -%}
        as is_delivery
    from lines
    left join {{ ref('int_costs__issued_lines') }} as issued
        on lines.bill_id = issued.bill_id and lines.charge_line_id = issued.charge_line_id
    where lines.bill_kind = 'energy'
),

stated as (
    select bill_id, meter_id, max(energy_nkwh) as energy_nkwh
    from (
        select bill_id, meter_id, is_delivery, cast(sum(billed_nkwh) as {{ big_integer() }}) as energy_nkwh
        from (
            select distinct bill_id, meter_id, is_delivery, period_from_us, period_to_us, billed_nkwh
            from named
        ) as quantities
        group by bill_id, meter_id, is_delivery
        having count(*) = count(billed_nkwh)
    ) as services
    group by bill_id, meter_id
),

metered as (
    select
        bills.bill_id,
        bills.meter_id,
        cast(sum(hours.energy_nkwh) as {{ big_integer() }}) as energy_nkwh
    from bills
    inner join {{ ref('int_energy__meter_hours') }} as hours
        on
            bills.meter_id = hours.meter_id
            and hours.hour_index * {{ hour_us() }} >= bills.from_us
            and hours.hour_index * {{ hour_us() }} < bills.to_us
    group by bills.bill_id, bills.meter_id, bills.from_us, bills.to_us
    having sum(hours.measured_us) >= bills.to_us - bills.from_us
)

select
    bills.bill_id,
    bills.meter_id,
    bills.currency,
    bills.from_us,
    bills.to_us,
    bills.amount_units,
    stated.energy_nkwh as stated_nkwh,
    coalesce(stated.energy_nkwh, metered.energy_nkwh) as energy_nkwh
from bills
left join stated on bills.bill_id = stated.bill_id and bills.meter_id = stated.meter_id
left join metered on bills.bill_id = metered.bill_id and bills.meter_id = metered.meter_id
where coalesce(stated.energy_nkwh, metered.energy_nkwh) > 0
