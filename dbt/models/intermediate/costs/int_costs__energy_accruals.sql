-- Electricity that was metered and that no bill covers yet, one line a UTC day: at the tariff, with its part
-- of what is charged by the month, or at the average price of a kWh on the meter's last bill.
with
open_days as (
    select
        months.period_id,
        months.bill_id,
        months.meter_id,
        months.site_id,
        months.from_us,
        months.to_us,
        {{ int_div('hours.hour_index', '24') }} as day_index,
        min(hours.hour_index) * {{ hour_us() }} as day_from_us,
        (max(hours.hour_index) + 1) * {{ hour_us() }} as day_to_us,
        sum(cast(hours.energy_nkwh as {{ big_integer() }})) as energy_nkwh
    from {{ ref('int_tariffs__open_months') }} as months
    inner join {{ ref('int_energy__meter_hours') }} as hours
        on
            months.meter_id = hours.meter_id
            and hours.hour_index * {{ hour_us() }} >= months.from_us
            and hours.hour_index * {{ hour_us() }} < months.to_us
    group by
        months.period_id, months.bill_id, months.meter_id, months.site_id, months.from_us, months.to_us,
        {{ int_div('hours.hour_index', '24') }}
),

expected as (
    select * from {{ ref('int_tariffs__expected') }}
    where purpose = 'accrual' and charge_units is not null
),

-- Only what is charged by the kWh makes a tariff known.
priced as (
    select period_id, min(currency) as currency
    from expected
    where kind = 'energy'
    group by period_id
),

by_kwh as (
    select
        period_id,
        {{ int_div('hour_index', '24') }} as day_index,
        case when component = 'energy' then 'energy' else 'rider' end as kind,
        {{ int_div('sum(charge_nano_units)', '1000000000') }} as amount_units
    from {{ ref('int_tariffs__energy_hours') }}
    where purpose = 'accrual'
    group by period_id, {{ int_div('hour_index', '24') }}, case when component = 'energy' then 'energy' else 'rider' end
),

by_tariff as (
    select days.*, priced.currency, 'tariff' as accrual_method, by_kwh.kind, by_kwh.amount_units
    from open_days as days
    inner join priced on days.period_id = priced.period_id
    inner join by_kwh on days.period_id = by_kwh.period_id and days.day_index = by_kwh.day_index
    union all
    select
        days.*, priced.currency, 'tariff', expected.kind,
        {{ int_div('expected.charge_units * (days.day_to_us - days.from_us)', 'days.to_us - days.from_us') }}
        - {{ int_div('expected.charge_units * (days.day_from_us - days.from_us)', 'days.to_us - days.from_us') }}
    from open_days as days
    inner join priced on days.period_id = priced.period_id
    inner join expected on days.period_id = expected.period_id
    where expected.kind in ('demand', 'fixed')
),

bills as (
    select * from {{ ref('int_costs__bill_prices') }}
),

by_last_bill as (
    select
        days.*, bills.currency, 'last-bill' as accrual_method, 'energy' as kind,
        {{ mul_div_round('bills.amount_units', 'days.energy_nkwh', 'bills.energy_nkwh') }} as amount_units
    from open_days as days
    left join priced on days.period_id = priced.period_id
    inner join bills on days.meter_id = bills.meter_id and bills.to_us <= days.from_us
    where priced.period_id is null and days.energy_nkwh > 0
    qualify row_number() over (
        partition by days.period_id, days.day_index order by bills.to_us desc nulls last, bills.bill_id desc nulls last
    ) = 1
),

accrued as (
    select * from by_tariff
    union all
    select * from by_last_bill
)

select
    bill_id,
    kind || ' ' || cast({{ timestamp_of_us('day_from_us') }} as string) as charge_line_id,
    'accrual' as cost_source,
    case when kind = 'demand' then 'demand' else 'electricity' end as component,
    'site' as scope,
    site_id as scope_id,
    cast(null as string) as gpu_uuid,
    site_id,
    cast(null as string) as stated_region,
    currency,
    day_from_us as period_from_us,
    day_to_us as period_to_us,
    {{ money('amount_units') }} as amount,
    meter_id,
    kind as bill_kind,
    cast(null as bigint) as billed_nkwh,
    cast(null as decimal(38,12)) as billed_amount,
    accrual_method
from accrued
where amount_units <> 0
