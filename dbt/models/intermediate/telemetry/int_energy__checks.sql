-- What the energy of a site must agree with, by UTC day: its meter with its GPUs, in kWh and in money, and
-- its meter with the meter of its IT.
{% set day = int_div('hour_index', '24') ~ ' * 24 * 3600000000' %}
with
metered as (
    select * from {{ ref('int_energy__site_hours') }}
    where is_metered
),

energy as (
    select
        site_id as subject,
        {{ timestamp_of_us(day) }} as period_start,
        cast(sum(meter_nkwh) as {{ big_integer() }}) as expected_nkwh,
        {{ int_div('sum(gpu_energy_mj) * 10', '36') }} as actual_nkwh
    from metered
    group by site_id, {{ timestamp_of_us(day) }}
),

-- The part of what the hour's energy costs that the GPUs drew; the rest is hosts, network, cooling, losses.
costs as (
    select
        metered.site_id,
        metered.hour_index,
        lines.currency,
        sum(lines.hour_units) as cost_units,
        sum({{ sign_of('lines.hour_units') }} * least(
            abs(lines.hour_units), {{ int_div(
                'abs(lines.hour_units) * metered.gpu_energy_mj', 'nullif(metered.facility_mj, 0)'
            ) }}
        )) as gpu_units
    from metered
    inner join {{ ref('int_costs__line_hours') }} as lines
        on
            lines.scope = 'site'
            and lines.bill_kind in ('energy', 'rider')
            and metered.site_id = lines.scope_id
            and metered.hour_index = lines.hour_index
    where metered.facility_mj > 0
    group by metered.site_id, metered.hour_index, lines.currency
),

pues as (
    select
        site_id as subject,
        {{ timestamp_of_us(day) }} as period_start,
        cast(sum(it_nkwh) as {{ big_integer() }}) as expected_nkwh,
        cast(sum(facility_nkwh) as {{ big_integer() }}) as actual_nkwh,
        count(case when pue_ppm is null then 1 end) = 0 as is_balanced
    from {{ ref('int_energy__pue_hours') }}
    group by site_id, {{ timestamp_of_us(day) }}
)

-- Everything between the meter and the GPUs is cooling, hosts and losses: never negative.
select
    'meter_vs_gpu_energy' as check_name,
    subject,
    period_start,
    cast(null as string) as currency,
    {{ money('expected_nkwh * 1000') }} as expected,
    {{ money('actual_nkwh * 1000') }} as actual,
    actual_nkwh <= expected_nkwh as is_balanced,
    'kWh' as unit
from energy
union all
select
    'meter_vs_gpu_cost', site_id, {{ timestamp_of_us(day) }}, currency,
    {{ money('sum(cost_units)') }},
    {{ money('sum(gpu_units)') }},
    abs(sum(gpu_units)) <= abs(sum(cost_units)),
    currency
from costs
group by site_id, {{ timestamp_of_us(day) }}, currency
union all
-- A ratio below 1 or above 3 in any hour is a wrong meter.
select
    'facility_vs_it_energy', subject, period_start, cast(null as string),
    {{ money('expected_nkwh * 1000') }},
    {{ money('actual_nkwh * 1000') }},
    is_balanced,
    'kWh'
from pues
union all
-- A leased server at work in a month that neither a charge nor an earlier one to go by covers.
select
    'unbilled_gpu_hours', server_id, month_start, cast(null as string),
    cast(0 as decimal(38,12)),
    {{ money(int_div('cast(work_us as ' ~ big_integer() ~ ') * 1000000', '3600')) }},
    false,
    'GPU-hours'
from {{ ref('int_costs__lease_months') }}
where amount_units is null
