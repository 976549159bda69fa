-- What the tariff asks for each priced period by kind of bill line, in 1e-12 of the currency; a month under
-- way bears its part of what is charged by the month. Unknown where one of its parts is.
{% set key = 'purpose, period_id, meter_id' %}
with
periods as (
    select * from {{ ref('int_tariffs__periods') }}
    where tariff_from_us is not null or market is not null
),

energy as (
    select
        {{ key }},
        case when component = 'energy' then 'energy' else 'rider' end as kind,
        cast(sum(energy_nkwh) as {{ big_integer() }}) as quantity_nano,
        {{ known_sum('charge_nano_units') }} as charge_nano_units
    from {{ ref('int_tariffs__energy_hours') }}
    group by {{ key }}, case when component = 'energy' then 'energy' else 'rider' end
),

demand as (
    select
        {{ key }},
        'demand' as kind,
        cast(max(billed_nkw) as {{ big_integer() }}) as quantity_nano,
        {{ known_sum('case when is_priced then charge_nano_units end') }} as charge_nano_units
    from {{ ref('int_tariffs__demand') }}
    group by {{ key }}
),

-- A peak at the same time as the grid's and reactive power are in no reading.
unknowable as (
    select distinct tariff_id, valid_from_us
    from {{ ref('int_tariffs__rates') }}
    where component in ('coincident', 'reactive') and rate_units <> 0
),

standing as (
    select
        periods.purpose,
        periods.period_id,
        periods.meter_id,
        case when rates.component = 'fixed' then 'fixed' else 'minimum' end as kind,
        sum(case rates.unit
            when 'month' then {{ int_div('rates.rate_units * periods.month_part', 'periods.month_whole') }}
            when 'day' then rates.rate_units * periods.days
            when 'year' then {{ int_div('rates.rate_units * periods.days', '365') }}
        end) as charge_units
    from periods
    inner join {{ ref('int_tariffs__rates') }} as rates
        on periods.tariff_id = rates.tariff_id and periods.tariff_from_us = rates.valid_from_us
    where
        -- One meter; a yearly minimum is settled once a year.
        (rates.component = 'fixed' and rates.tier = 0)
        or (rates.component = 'minimum' and rates.unit <> 'year')
    group by
        periods.purpose, periods.period_id, periods.meter_id,
        case when rates.component = 'fixed' then 'fixed' else 'minimum' end
),

charged as (
    select {{ key }}, kind, quantity_nano, {{ int_div('charge_nano_units', '1000000000') }} as charge_units
    from energy
    union all
    select
        demand.purpose, demand.period_id, demand.meter_id, demand.kind, demand.quantity_nano,
        case when unknowable.tariff_id is null then {{ int_div(
            int_div('demand.charge_nano_units', '1000000000') ~ ' * periods.month_part', 'periods.month_whole'
        ) }} end
    from demand
    inner join periods
        on
            demand.purpose = periods.purpose and demand.period_id = periods.period_id
            and demand.meter_id = periods.meter_id
    left join unknowable
        on periods.tariff_id = unknowable.tariff_id and periods.tariff_from_us = unknowable.valid_from_us
    union all
    select {{ key }}, kind, cast(null as {{ big_integer() }}), charge_units
    from standing
    where kind = 'fixed'
),

topped as (
    select {{ key }}, kind, quantity_nano, charge_units
    from charged
    union all
    -- The least that a bill comes to, less what it comes to.
    select
        standing.purpose, standing.period_id, standing.meter_id, 'minimum', cast(null as {{ big_integer() }}),
        {{ at_least_zero(
            'standing.charge_units - case when sums.period_id is null then 0 else sums.charge_units end'
        ) }}
    from standing
    left join (
        select {{ key }}, {{ known_sum('charge_units') }} as charge_units
        from charged
        group by {{ key }}
    ) as sums
        on
            standing.purpose = sums.purpose and standing.period_id = sums.period_id
            and standing.meter_id = sums.meter_id
    where standing.kind = 'minimum'
)

select
    topped.*,
    periods.site_id,
    periods.currency,
    periods.from_us,
    periods.to_us
from topped
inner join periods
    on
        topped.purpose = periods.purpose and topped.period_id = periods.period_id
        and topped.meter_id = periods.meter_id
where topped.charge_units is distinct from 0
