-- Billed demand of each priced period and its charge: the peak, or the ratchet's share of the highest of
-- the eleven months before where that is more, by the tiers it reaches. 1e-9 kW × 1e-12 of the currency.
with
scheduled as (
    select
        peaks.*,
        schedule.component as charged,
        schedule.period as charged_period,
        greatest(
            peaks.peak_nkw,
            coalesce({{ int_div(
                'cast(peaks.prior_nkw as ' ~ big_integer() ~ ') * schedule.ratchet_ppm', '1000000'
            ) }}, 0)
        ) as billed_nkw
    from {{ ref('int_tariffs__peaks') }} as peaks
    inner join {{ ref('int_tariffs__schedule') }} as schedule
        on
            peaks.tariff_id = schedule.tariff_id
            and peaks.tariff_from_us = schedule.valid_from_us
            and schedule.component = case when peaks.component = 'any' then 'demand_flat' else peaks.component end
            and peaks.month = schedule.month
            and peaks.hour = schedule.hour
            and peaks.day_type = schedule.day_type
)

select
    scheduled.purpose,
    scheduled.period_id,
    scheduled.meter_id,
    scheduled.charged as component,
    scheduled.charged_period as tariff_period,
    max(scheduled.peak_nkw) as peak_nkw,
    max(scheduled.prior_nkw) as prior_nkw,
    max(scheduled.billed_nkw) as billed_nkw,
    count(case when rates.unit <> 'kW' or coalesce(rates.tier_unit, 'kW') <> 'kW' then 1 end) = 0 as is_priced,
    sum(
        cast(greatest(0, least(
            scheduled.billed_nkw, coalesce(rates.tier_to_nano, scheduled.billed_nkw)
        ) - rates.tier_from_nano) as {{ big_integer() }}) * rates.rate_units
    ) as charge_nano_units
from scheduled
inner join {{ ref('int_tariffs__rates') }} as rates
    on
        scheduled.tariff_id = rates.tariff_id
        and scheduled.tariff_from_us = rates.valid_from_us
        and scheduled.charged = rates.component
        and scheduled.charged_period = rates.period
group by
    scheduled.purpose, scheduled.period_id, scheduled.meter_id, scheduled.charged, scheduled.charged_period
