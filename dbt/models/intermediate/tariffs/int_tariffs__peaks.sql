-- Highest demand of each priced period: of all its windows (`any`, which flat demand is charged on), and
-- of the windows of each time-of-use period; beside it the highest of the eleven months before.
with
periods as (
    select
        *,
        {{ epoch_us(plus_months(timestamp_of_us('from_us'), '-11')) }} as prior_from_us
    from {{ ref('int_tariffs__periods') }}
),

seen as (
    select
        periods.purpose,
        periods.period_id,
        periods.meter_id,
        periods.tariff_id,
        periods.tariff_from_us,
        windows.window_from_us,
        windows.power_nkw,
        windows.month,
        windows.hour,
        windows.day_type,
        windows.window_from_us < periods.from_us as is_prior
    from periods
    inner join {{ ref('int_tariffs__windows') }} as windows
        on
            periods.meter_id = windows.meter_id
            and periods.window_us = windows.window_us
            and windows.window_from_us >= periods.prior_from_us
            and windows.window_from_us < periods.to_us
),

grouped as (
    {{ windows_by_tariff_period() }}
),

prior as (
    select purpose, period_id, meter_id, component, tariff_period, max(power_nkw) as prior_nkw
    from grouped
    where is_prior
    group by purpose, period_id, meter_id, component, tariff_period
),

highest as (
    select * from grouped
    where not is_prior
    -- Of equal peaks the first.
    qualify row_number() over (
        partition by purpose, period_id, meter_id, component, tariff_period
        order by power_nkw desc nulls last, window_from_us asc nulls first
    ) = 1
)

select
    highest.purpose,
    highest.period_id,
    highest.meter_id,
    highest.component,
    highest.tariff_period,
    highest.tariff_id,
    highest.tariff_from_us,
    highest.window_from_us,
    highest.month,
    highest.hour,
    highest.day_type,
    highest.power_nkw as peak_nkw,
    prior.prior_nkw
from highest
left join prior
    on
        highest.purpose = prior.purpose
        and highest.period_id = prior.period_id
        and highest.meter_id = prior.meter_id
        and highest.component = prior.component
        and highest.tariff_period = prior.tariff_period
