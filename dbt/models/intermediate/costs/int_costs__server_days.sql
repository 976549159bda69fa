-- Time and cost of each server per UTC day, in US dollars: only hours in which the fleet was seen, so that
-- what a GPU-hour costs has both of the same hours.
{% set year_us = '31536000000000' %}
with
hours as (
    select
        server_id,
        hour_index,
        cast(sum(state_us) as bigint) as available_us,
        cast(sum(case when state <> 'unallocated' then state_us else 0 end) as bigint) as assigned_us,
        cast(sum(case when state = 'busy' then state_us else 0 end) as bigint) as busy_us
    from {{ ref('int_gpu__state_hours') }}
    group by server_id, hour_index
),

days as (
    select
        server_id,
        {{ hour_date('hour_index') }} as event_date,
        sum(available_us) as available_us,
        sum(assigned_us) as assigned_us,
        sum(busy_us) as busy_us
    from hours
    group by server_id, {{ hour_date('hour_index') }}
),

posted as (
    select
        hours.server_id,
        {{ hour_date('hours.hour_index') }} as event_date,
        lines.currency,
        case when lines.cost_source = 'amortisation' then 'straight_line' else 'lease' end as kind,
        sum(lines.hour_units) as cost_units
    from {{ ref('int_costs__line_hours') }} as lines
    inner join hours on lines.scope_id = hours.server_id and lines.hour_index = hours.hour_index
    where lines.scope = 'server'
    group by
        hours.server_id, {{ hour_date('hours.hour_index') }}, lines.currency,
        case when lines.cost_source = 'amortisation' then 'straight_line' else 'lease' end
    union all
    select server_id, {{ hour_date('hour_index') }}, currency, 'electricity', sum(cost_units)
    from {{ ref('int_costs__server_energy') }}
    group by server_id, {{ hour_date('hour_index') }}, currency
),

-- At the end of its life a server is paid back: from then on its capital costs nothing, which is known.
owned as (
    select
        days.server_id,
        days.event_date,
        days.available_us,
        servers.currency,
        servers.gpu_count,
        servers.discount_rate_ratio,
        annuities.annuity_units,
        annuities.server_id is not null as is_in_life
    from days
    inner join {{ ref('int_fleet__servers') }} as servers on days.server_id = servers.server_id
    left join {{ ref('int_fleet__annuities') }} as annuities
        on
            days.server_id = annuities.server_id
            and days.event_date >= annuities.from_date and days.event_date < annuities.to_date
    where days.server_id in (select server_id from {{ ref('int_fleet__annuities') }})
),

-- Rates by the year hold for the time that a server's GPUs were there.
yearly as (
    select
        server_id,
        event_date,
        currency,
        'annuity' as kind,
        case
            when is_in_life then {{ int_div('annuity_units * available_us', year_us ~ ' * gpu_count') }} else 0
        end as cost_units
    from owned
    where annuity_units is not null or (not is_in_life and discount_rate_ratio is not null)
    union all
    select server_id, event_date, currency, 'straight_line', 0
    from owned
    where not is_in_life
    union all
    select
        days.server_id, days.event_date, servers.currency, 'opex',
        {{ int_div(money_units('servers.opex_per_year') ~ ' * days.available_us', year_us ~ ' * servers.gpu_count') }}
    from days
    inner join {{ ref('int_fleet__servers') }} as servers on days.server_id = servers.server_id
    where servers.opex_per_year is not null
),

translated as (
    select
        costs.server_id,
        costs.event_date,
        costs.kind,
        {{ mul_div_round('costs.cost_units', 'rates.rate_units', '1000000000000') }} as usd_units
    from (
        select * from posted
        union all
        select * from yearly
    ) as costs
    left join {{ ref('int_fx__usd_rates') }} as rates
        on costs.currency = rates.currency and costs.event_date = rates.rate_date
)

select
    days.server_id,
    days.event_date,
    days.available_us,
    days.assigned_us,
    days.busy_us,
    {% for kind in ['straight_line', 'lease', 'annuity', 'electricity', 'opex'] -%}
    sum(case when translated.kind = '{{ kind }}' then translated.usd_units end) as {{ kind }}_units,
    {% endfor -%}
    -- Without a rate of its day an amount is unknown; without an amount there is none.
    count(case when translated.kind is not null and translated.usd_units is null then 1 end) > 0
        as has_missing_rate
from days
left join translated
    on days.server_id = translated.server_id and days.event_date = translated.event_date
group by days.server_id, days.event_date, days.available_us, days.assigned_us, days.busy_us
