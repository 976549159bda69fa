-- Who caused a demand charge: what each deployment's GPUs drew in the hour of the peak that it is for, where the bill
-- names it or the meter was read for nine tenths of the period; else what they drew in all hours of it.
with
lines as (
    select * from {{ ref('int_costs__lines') }}
    where scope = 'site' and bill_kind = 'demand'
),

periods as (
    select
        lines.line_key,
        lines.scope_id,
        lines.meter_id,
        coalesce(months.purpose, 'bill') as purpose,
        coalesce(months.period_id, lines.bill_id) as period_id,
        coalesce(months.from_us, lines.period_from_us) as from_us,
        coalesce(months.to_us, lines.period_to_us) as to_us
    from lines
    left join {{ ref('int_tariffs__periods') }} as months
        on
            lines.is_accrued
            and months.purpose = 'accrual'
            and lines.meter_id = months.meter_id
            and lines.period_from_us >= months.from_us
            and lines.period_from_us < months.to_us
),

metered as (
    select periods.line_key, sum(hours.measured_us) * 10 >= max(periods.to_us - periods.from_us) * 9 as is_metered
    from periods
    inner join {{ ref('int_energy__meter_hours') }} as hours
        on
            periods.meter_id = hours.meter_id
            and hours.hour_index * {{ hour_us() }} >= periods.from_us
            and hours.hour_index * {{ hour_us() }} < periods.to_us
    group by periods.line_key
),

peaks as (
    select line_key, is_stated, hour_index from {{ ref('int_costs__demand_peaks') }}
    union all
    select periods.line_key, false as is_stated, {{ hour_index('peaks.window_from_us') }}
    from periods
    inner join {{ ref('int_tariffs__peaks') }} as peaks
        on
            periods.purpose = peaks.purpose
            and periods.period_id = peaks.period_id
            and periods.meter_id = peaks.meter_id
            and peaks.component = 'any'
    where periods.purpose = 'accrual'
),

joined as (
    select
        periods.line_key,
        targets.deployment_id,
        targets.gpu_method,
        targets.weight,
        coalesce(targets.hour_index = peaks.hour_index, false) as is_peak
    from periods
    inner join {{ ref('int_costs__targets') }} as targets
        on
            targets.scope = 'site'
            and periods.scope_id = targets.scope_id
            and targets.hour_index * {{ hour_us() }} >= periods.from_us
            and targets.hour_index * {{ hour_us() }} < periods.to_us
    left join metered on periods.line_key = metered.line_key
    left join peaks
        on periods.line_key = peaks.line_key and (peaks.is_stated or metered.is_metered)
),

chosen as (
    select
        *,
        max(case when is_peak then 1 else 0 end) over (partition by line_key) = 1 as has_peak
    from joined
)

select
    line_key,
    deployment_id,
    case when bool_or(has_peak) then 'peak-responsibility' else 'energy-share' end
    || '|' || case when count(distinct gpu_method) = 1 then min(gpu_method) else 'gpu-energy-estimated' end
        as gpu_method,
    sum(weight) as weight
from chosen
where is_peak or not has_peak
group by line_key, deployment_id
