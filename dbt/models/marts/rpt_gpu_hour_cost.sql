{{ config(materialized='table') }}
{% set kinds = ['straight_line', 'lease', 'annuity', 'electricity', 'opex'] %}
with
spans as (
    select
        days.server_id,
        dates.period,
        max(days.event_date) as last_date,
        sum(available_us) as available_us,
        sum(assigned_us) as assigned_us,
        sum(busy_us) as busy_us,
        {% for kind in kinds -%}
        case when not bool_or(has_missing_rate) then sum({{ kind }}_units) end as {{ kind }}_units,
        {% endfor -%}
        bool_or(has_missing_rate) as has_missing_rate
    from {{ ref('int_costs__server_days') }} as days
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    group by days.server_id, dates.period
),

-- What no bill tells is not in the sums; capital must be known. What is charged for an owned server (its support)
-- comes on top of its capital.
summed as (
    select
        spans.*,
        {% for view, capital in {'accounting': 'straight_line_units', 'economic': 'annuity_units'}.items() -%}
        case when not has_missing_rate then
            case
                when straight_line_units is null and servers.ownership is distinct from 'owned' then lease_units
                else {{ capital }} + coalesce(lease_units, 0)
            end
            + coalesce(electricity_units, 0) + coalesce(opex_units, 0)
        end as {{ view }}_units{{ "," if not loop.last }}
        {% endfor %}
    from spans
    inner join {{ ref('int_fleet__servers') }} as servers on spans.server_id = servers.server_id
),

-- Of the estimates that hold in a period the last one is shown.
annuities as (
    select
        summed.period,
        annuities.*
    from summed
    inner join {{ ref('int_fleet__annuities') }} as annuities
        on summed.server_id = annuities.server_id and annuities.from_date <= summed.last_date
    qualify row_number() over (
        partition by summed.server_id, summed.period order by annuities.from_date desc
    ) = 1
)

select
    periods.calendar,
    periods.period_name as period,
    periods.first_date as period_start,
    periods.month,
    summed.server_id,
    servers.site_id,
    servers.ownership,
    servers.gpu_model,
    servers.gpu_count,
    summed.available_us / 3.6e9 as available_gpu_hours,
    summed.assigned_us / 3.6e9 as assigned_gpu_hours,
    summed.busy_us / 3.6e9 as busy_gpu_hours,
    annuities.capital_recovery_ratio,
    annuities.currency as purchase_currency,
    {{ money('annuities.straight_line_units') }} as straight_line_per_year,
    {{ money('annuities.annuity_units') }} as annuity_per_year,
    {% for kind in kinds -%}
    {{ money('summed.' ~ kind ~ '_units') }} as {{ kind }}_usd,
    {% endfor -%}
    {% for view in ['accounting', 'economic'] -%}
    {{ money('summed.' ~ view ~ '_units') }} as {{ view }}_usd,
    {% for time in ['available', 'assigned', 'busy'] -%}
    {{ ratio('summed.' ~ view ~ '_units', 'summed.' ~ time ~ '_us') }} / 1e12 * 3.6e9
        as {{ view }}_usd_per_{{ time }}_gpu_hour,
    {% endfor -%}
    {% endfor -%}
    coalesce(rents.offer_count, 0) as rent_offer_count,
    {% for option in ['on_demand', 'reserved', 'spot'] -%}
    {{ money('rents.' ~ option ~ '_units') }} as rent_{{ option }}_usd_per_gpu_hour,
    {% endfor -%}
    -- Rented by the hour, only hours of use are paid.
    {{ ratio('summed.economic_units * 3600000000', 'summed.available_us * rents.on_demand_units') }}
        as rent_breakeven_utilization_ratio,
    case
        when not rents.is_known_chip then 'gpu_unknown'
        when rents.offer_count = 0 then 'no_offer'
        when rents.on_demand_units is null then 'no_offer_on_demand'
        when summed.economic_units is null then 'cost_unknown'
    end as rent_unknown_because
from summed
inner join {{ ref('int_finance__periods') }} as periods on summed.period = periods.period
inner join {{ ref('int_fleet__servers') }} as servers on summed.server_id = servers.server_id
left join annuities on summed.server_id = annuities.server_id and summed.period = annuities.period
left join {{ ref('int_finance__rents') }} as rents
    on summed.period = rents.period and servers.gpu_model = rents.gpu_model
