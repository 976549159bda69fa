-- Each charge line over UTC hours, and what each hour weighs: what the hour's energy costs at the tariff,
-- metered energy, energy of the GPUs, or seconds, by what is known for the whole line. Taxes and credits
-- are not here: they follow the others. Of the lines that are spread only.
{{ config(materialized='view') }}
with
lines as (
    select * from {{ ref('int_costs__lines') }}
    where amount_units <> 0 and not is_on_base and {{ is_to_spread('line_key') }}
),

exploded as (
    select
        *,
        {{ explode_hours('period_from_us', 'period_to_us') }} as hour_index
    from lines
),

-- A bill has one price an hour; of months under way each hour belongs to one.
prices as (
    select
        purpose,
        case when purpose = 'bill' then period_id end as bill_id,
        meter_id,
        hour_index,
        {{ known_sum('charge_nano_units') }} as charge_nano_units
    from {{ ref('int_tariffs__energy_hours') }}
    where component = 'energy'
    group by purpose, case when purpose = 'bill' then period_id end, meter_id, hour_index
),

joined as (
    select
        exploded.line_key,
        exploded.hour_index,
        exploded.amount_units,
        exploded.bill_kind,
        {{ clipped_to('exploded.period_to_us', 'exploded.hour_index') }}
        - {{ clipped_from('exploded.period_from_us', 'exploded.hour_index') }} as overlap_us,
        meters.energy_nkwh,
        coalesce(meters.measured_us, 0) as measured_us,
        -- In 1e-9 of the currency, so that the product with the amount fits.
        case when prices.charge_nano_units < 0 then -1 else 1 end
        * {{ int_div('abs(prices.charge_nano_units)', '1000000000000') }} as price_weight,
        sites.gpu_energy_mj,
        bottom_up.explained_ppb
    from exploded
    left join {{ ref('int_energy__meter_hours') }} as meters
        on
            exploded.bill_kind in ('energy', 'rider')
            and exploded.meter_id = meters.meter_id and exploded.hour_index = meters.hour_index
    left join prices
        on
            exploded.bill_kind = 'energy'
            and exploded.meter_id = prices.meter_id
            and exploded.hour_index = prices.hour_index
            and prices.purpose = case when exploded.is_accrued then 'accrual' else 'bill' end
            and (exploded.is_accrued or exploded.bill_id = prices.bill_id)
    left join {{ ref('int_costs__bottom_up') }} as bottom_up on exploded.line_key = bottom_up.line_key
    left join {{ ref('int_energy__site_hours') }} as sites
        on
            bottom_up.line_key is not null
            and exploded.scope_id = sites.site_id and exploded.hour_index = sites.hour_index
),

known as (
    select
        line_key,
        sum(least(measured_us, overlap_us)) = sum(overlap_us)
        and min(coalesce(energy_nkwh, 0)) >= 0 and sum(energy_nkwh) > 0 as is_metered,
        count(case when energy_nkwh <> 0 and price_weight is null then 1 end) = 0
        and sum(price_weight) > 0 as is_priced,
        min(explained_ppb) is not null and sum(gpu_energy_mj) > 0 as is_bottom_up
    from joined
    group by line_key
),

weighed as (
    select
        joined.*,
        case
            when known.is_metered and known.is_priced then 'metered-price'
            when known.is_metered then 'metered-kwh'
            when known.is_bottom_up then 'gpu-kwh'
            -- What a whole period is charged for has no better hour; energy has, and nobody read it.
            when joined.bill_kind in ('demand', 'fixed') then 'posted-evenly'
            else 'even-hours'
        end as hour_method
    from joined
    left join known on joined.line_key = known.line_key
)

select
    line_key,
    hour_index,
    amount_units,
    hour_method,
    case when hour_method = 'gpu-kwh' then explained_ppb end as explained_ppb,
    cast(case
        when hour_method = 'metered-price' then coalesce(price_weight, 0)
        when hour_method = 'metered-kwh'
            then {{ int_div('cast(energy_nkwh as ' ~ big_integer() ~ ') * overlap_us', hour_us()) }}
        when hour_method = 'gpu-kwh'
            then {{ int_div('cast(gpu_energy_mj as ' ~ big_integer() ~ ') * overlap_us', hour_us()) }}
        else overlap_us
    end as {{ big_integer() }}) as weight
from weighed
