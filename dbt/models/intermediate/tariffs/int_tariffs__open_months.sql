-- Hours that a site's meter was read in while the fleet was seen and that no bill covers, in runs of one
-- month of the site.
with
bills as (
    select meter_id, min(period_from_us) as from_us, max(period_to_us) as to_us
    from {{ ref('int_costs__bill_lines') }}
    group by bill_id, meter_id
),

metered as (
    select
        meters.meter_id,
        meters.site_id,
        hours.hour_index,
        {{ local_us('hours.hour_index * ' ~ hour_us(), 'meters.time_zone') }} as local_us
    from {{ ref('int_energy__meter_hours') }} as hours
    inner join {{ ref('int_tariffs__meters') }} as meters on hours.meter_id = meters.meter_id
    inner join {{ ref('int_fleet__window') }} as observed
        on
            hours.hour_index * {{ hour_us() }} >= observed.window_from_us
            and hours.hour_index * {{ hour_us() }} < observed.window_to_us
),

open_hours as (
    select
        metered.meter_id,
        metered.site_id,
        metered.hour_index,
        {{ year_month(timestamp_of_us('metered.local_us')) }} as month
    from metered
    left join bills
        on
            metered.meter_id = bills.meter_id
            and metered.hour_index * {{ hour_us() }} >= bills.from_us
            and metered.hour_index * {{ hour_us() }} < bills.to_us
    where bills.meter_id is null
),

runs as (
    select
        *,
        hour_index - row_number() over (
            partition by meter_id, month order by hour_index asc nulls first
        ) as run
    from open_hours
)

select
    'accrual ' || site_id || ' ' || month || ' ' || cast(min(hour_index) as string) as period_id,
    'accrual ' || site_id || ' ' || month as bill_id,
    meter_id,
    site_id,
    min(hour_index) * {{ hour_us() }} as from_us,
    (max(hour_index) + 1) * {{ hour_us() }} as to_us
from runs
group by meter_id, site_id, month, run
