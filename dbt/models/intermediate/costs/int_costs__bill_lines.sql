-- Electricity bills as charge lines of the site that the meter serves.
with
bills as (
    select * from {{ ref('int_costs__issued_lines') }}
),

meters as (
    select facility_meter_id, min(site_id) as site_id
    from {{ ref('int_fleet__sites') }}
    where facility_meter_id is not null
    group by facility_meter_id
)

select
    bills.bill_id,
    bills.charge_line_id,
    'energy_bills' as cost_source,
    case when bills.kind = 'demand' then 'demand' else 'electricity' end as component,
    case when meters.site_id is not null then 'site' else 'none' end as scope,
    meters.site_id as scope_id,
    cast(null as string) as gpu_uuid,
    meters.site_id,
    cast(null as string) as stated_region,
    bills.currency,
    {{ epoch_us('bills.period_start') }} as period_from_us,
    {{ epoch_us('bills.period_end') }} as period_to_us,
    bills.amount,
    bills.meter_id,
    bills.kind as bill_kind,
    case when lower(bills.unit) = 'kwh' then {{ whole('bills.quantity', 1000000000) }} end as billed_nkwh,
    cast(null as decimal(38,12)) as billed_amount,
    cast(null as string) as accrual_method
from bills
left join meters on bills.meter_id = meters.facility_meter_id
