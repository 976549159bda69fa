-- Each charge line over UTC hours: by seconds, or by metered energy where the line bills energy and its
-- meter was read for the whole period.
with
lines as (
    select * from {{ ref('int_costs__lines') }}
    where amount_units <> 0
),

exploded as (
    select
        *,
        {{ explode_hours('period_from_us', 'period_to_us') }} as hour_index
    from lines
),

meters as (
    select * from {{ ref('int_energy__meter_hours') }}
),

overlapped as (
    select
        exploded.*,
        {{ clipped_to('period_to_us', 'exploded.hour_index') }}
        - {{ clipped_from('period_from_us', 'exploded.hour_index') }} as overlap_us,
        meters.energy_nkwh,
        meters.measured_us
    from exploded
    left join meters
        on exploded.energy_meter_id = meters.meter_id and exploded.hour_index = meters.hour_index
),

metered as (
    select
        line_key,
        sum(least(coalesce(measured_us, 0), overlap_us)) as measured_us,
        sum(overlap_us) as period_us,
        min(coalesce(energy_nkwh, 0)) >= 0 and sum(energy_nkwh) > 0 as has_energy
    from overlapped
    where energy_meter_id is not null
    group by line_key
),

weighed as (
    select
        overlapped.line_key,
        overlapped.hour_index,
        overlapped.amount_units,
        coalesce(metered.measured_us = metered.period_us and metered.has_energy, false) as is_metered,
        cast(case
            when metered.measured_us = metered.period_us and metered.has_energy
                then {{ int_div(
                    'cast(overlapped.energy_nkwh as ' ~ big_integer() ~ ') * overlapped.overlap_us', hour_us()
                ) }}
            else overlapped.overlap_us
        end as {{ big_integer() }}) as weight
    from overlapped
    left join metered on overlapped.line_key = metered.line_key
),

allocated as (
    {{ allocate('weighed', ['line_key'], 'weight', ['hour_index'], {'hour_units': 'amount_units'}) }}
)

select
    lines.bill_id,
    lines.charge_line_id,
    lines.line_key,
    lines.cost_source,
    lines.component,
    lines.scope,
    lines.scope_id,
    lines.site_id,
    lines.stated_region,
    lines.currency,
    lines.is_direct,
    lines.bill_kind,
    allocated.is_metered,
    allocated.hour_index,
    allocated.hour_units
from allocated
inner join lines on allocated.line_key = lines.line_key
where allocated.hour_units <> 0
