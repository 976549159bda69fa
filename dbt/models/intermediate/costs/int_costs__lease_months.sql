-- Months (UTC) in which a leased server was seen at work and that no charge is for, and the latest month before that
-- has one, whose price by time may stand in. A charge is for the month of its middle, so that a month in local time
-- is not taken for the next or the last one; what it reaches into of another month is charged. What is paid once (a
-- set-up, a repair) is no month's rent.
{% set day_us = '86400000000' %}
with
charges as (
    select
        scope_id as server_id,
        currency,
        period_from_us as from_us,
        greatest(period_to_us, period_from_us + 1) as to_us,
        date_trunc('month', {{ timestamp_of_us(middle_us('period_from_us', 'period_to_us')) }}) as month_start,
        {{ money_units('amount') }} as amount_units
    from {{ ref('int_costs__charge_lines') }}
    where scope = 'server' and not is_one_time
),

charged as (
    select
        server_id,
        currency,
        month_start,
        min(from_us) as from_us,
        max(to_us) as to_us,
        sum(amount_units) as amount_units
    from charges
    group by server_id, currency, month_start
    -- What is a credit alone is no price.
    having sum(amount_units) >= 0
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

months as (
    select
        *,
        {{ epoch_us('month_start') }} as month_from_us,
        {{ epoch_us(plus_months('month_start', '1')) }} as month_to_us
    from worked
),

-- Charges that reach into a month or to within a day of it.
met as (
    select
        months.server_id,
        months.month_start,
        charges.month_start = months.month_start as is_own,
        charges.from_us as charged_from_us,
        charges.to_us as charged_to_us,
        charges.from_us <= months.month_from_us as is_before,
        greatest(charges.from_us, months.month_from_us) as from_us,
        least(charges.to_us, months.month_to_us) as to_us
    from months
    inner join charges
        on
            months.server_id = charges.server_id
            and charges.from_us < months.month_to_us
            and charges.to_us >= months.month_from_us - {{ day_us }}
    where charges.amount_units >= 0
),

covered as (
    select
        server_id,
        month_start,
        bool_or(is_own) as is_charged,
        {{ union_length() }} as covered_us,
        max(case when is_before then charged_to_us end) as until_us,
        min(case when not is_before then charged_from_us end) as next_us
    from (select *, {{ reached_over('server_id, month_start') }} as reached_us from met) as reached
    group by server_id, month_start
),

open_months as (
    select
        months.*,
        coalesce(covered.until_us, months.month_from_us) as from_us,
        coalesce(covered.next_us, months.month_to_us) as to_us
    from months
    left join covered
        on months.server_id = covered.server_id and months.month_start = covered.month_start
    where not coalesce(
        covered.is_charged or covered.covered_us + {{ day_us }} >= months.month_to_us - months.month_from_us, false
    )
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
    greatest(open_months.from_us, servers.valid_from_us, observed.window_from_us) as from_us,
    least(open_months.to_us, servers.valid_to_us, observed.window_to_us) as to_us
from open_months
inner join {{ ref('int_fleet__servers') }} as servers on open_months.server_id = servers.server_id
cross join {{ ref('int_fleet__window') }} as observed
left join latest
    on open_months.server_id = latest.server_id and open_months.month_start = latest.month_start
left join charged
    on latest.server_id = charged.server_id and latest.charged_month = charged.month_start
