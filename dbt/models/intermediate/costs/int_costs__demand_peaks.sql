-- The hour of the peak that each billed demand line is for: the one that the bill names; else, of the line's own
-- period and of the hours of one period of the tariff, the highest window whose power was billed, within 1 %;
-- else the highest of all.
with
lines as (
    select
        lines.line_key,
        lines.bill_id,
        lines.meter_id,
        lines.period_from_us,
        lines.period_to_us,
        case
            when {{ epoch_us('facts.peak_at') }} >= lines.period_from_us
                and {{ epoch_us('facts.peak_at') }} < lines.period_to_us
                then {{ epoch_us('facts.peak_at') }}
        end as stated_us,
        case when lower(facts.consumed_unit) = 'kw' then {{ whole('cast(facts.consumed_quantity as double)', 1000000000) }} end
            as billed_nkw
    from {{ ref('int_costs__lines') }} as lines
    inner join {{ ref('int_costs__billed_facts') }} as facts on lines.line_key = facts.line_key
    where lines.scope = 'site' and lines.bill_kind = 'demand' and not lines.is_accrued
),

seen as (
    select
        lines.line_key,
        lines.billed_nkw,
        periods.tariff_id,
        periods.tariff_from_us,
        windows.window_from_us,
        windows.power_nkw,
        windows.month,
        windows.hour,
        windows.day_type
    from lines
    inner join {{ ref('int_tariffs__periods') }} as periods
        on
            periods.purpose = 'bill'
            and lines.bill_id = periods.period_id
            and lines.meter_id = periods.meter_id
    inner join {{ ref('int_tariffs__windows') }} as windows
        on
            lines.meter_id = windows.meter_id
            and periods.window_us = windows.window_us
            and windows.window_from_us >= lines.period_from_us
            and windows.window_from_us < lines.period_to_us
),

grouped as (
    {{ windows_by_tariff_period() }}
),

highest as (
    select
        *,
        case
            when
                cast(abs(billed_nkw - power_nkw) as {{ big_integer() }}) * 100 <= billed_nkw
                then abs(billed_nkw - power_nkw)
        end as missed_nkw
    from grouped
    -- Of equal peaks the first.
    qualify row_number() over (
        partition by line_key, component, tariff_period
        order by power_nkw desc nulls last, window_from_us asc nulls first
    ) = 1
),

chosen as (
    select line_key, window_from_us
    from highest
    qualify row_number() over (
        partition by line_key
        order by missed_nkw asc nulls last, component asc nulls first, tariff_period asc nulls first
    ) = 1
)

select
    lines.line_key,
    lines.stated_us is not null as is_stated,
    {{ hour_index('coalesce(lines.stated_us, chosen.window_from_us)') }} as hour_index
from lines
left join chosen on lines.line_key = chosen.line_key
where coalesce(lines.stated_us, chosen.window_from_us) is not null
