-- Months (UTC) in which a leased server was seen at work, what was charged for it, and the latest month
-- before that has a charge, whose price by time may stand in.
with
charges as (
    select
        scope_id as server_id,
        date_trunc('month', {{ timestamp_of_us('period_from_us') }}) as month_start,
        currency,
        period_from_us,
        greatest(period_to_us, period_from_us + 1) as period_to_us,
        {{ money_units('amount') }} as amount_units
    from {{ ref('int_costs__charge_lines') }}
    where scope = 'server'
),

charged as (
    select
        server_id,
        currency,
        month_start,
        min(period_from_us) as from_us,
        max(period_to_us) as to_us,
        sum(amount_units) as amount_units
    from charges
    group by server_id, currency, month_start
),

worked as (
    select
        states.server_id,
        date_trunc('month', {{ hour_start('states.hour_index') }}) as month_start,
        cast(sum(states.state_us) as bigint) as work_us
    from {{ ref('int_gpu__state_hours') }} as states
    inner join {{ ref('int_fleet__servers') }} as servers on states.server_id = servers.server_id
    where servers.ownership = 'leased' and states.state in ('busy', 'ready_empty')
    group by states.server_id, date_trunc('month', {{ hour_start('states.hour_index') }})
),

met as (
    select distinct worked.server_id, worked.month_start
    from worked
    inner join charges
        on
            worked.server_id = charges.server_id
            and charges.period_from_us < {{ epoch_us(plus_months('worked.month_start', '1')) }}
            and charges.period_to_us > {{ epoch_us('worked.month_start') }}
),

open_months as (
    select worked.*
    from worked
    left join met on worked.server_id = met.server_id and worked.month_start = met.month_start
    where met.server_id is null
),

latest as (
    select
        open_months.server_id,
        open_months.month_start,
        max(charged.month_start) as charged_month
    from open_months
    inner join charged
        on open_months.server_id = charged.server_id and charged.month_start < open_months.month_start
    group by open_months.server_id, open_months.month_start
)

select
    open_months.server_id,
    servers.site_id,
    open_months.month_start,
    open_months.work_us,
    charged.currency,
    charged.amount_units,
    charged.to_us - charged.from_us as charged_us,
    greatest({{ epoch_us('open_months.month_start') }}, servers.valid_from_us, observed.window_from_us) as from_us,
    least(
        {{ epoch_us(plus_months('open_months.month_start', '1')) }}, servers.valid_to_us, observed.window_to_us
    ) as to_us
from open_months
inner join {{ ref('int_fleet__servers') }} as servers on open_months.server_id = servers.server_id
cross join {{ ref('int_fleet__window') }} as observed
left join latest
    on open_months.server_id = latest.server_id and open_months.month_start = latest.month_start
left join charged
    on latest.server_id = charged.server_id and latest.charged_month = charged.month_start
