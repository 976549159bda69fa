-- Cost of a period by who bears it at once, and what is left as pools that a policy shares: the idle of a
-- deployment, the idle of GPUs that none holds, and overhead.
select
    dates.period,
    days.currency,
    days.category,
    case
        when days.category in ('served', 'waste') and days.tenant_id is not null then 'tenant'
        when days.category in ('served', 'waste') then 'no_tenant'
        when days.category = 'unattributed' then 'unattributed'
        when days.cause = 'unobserved' then 'not_observed'
        else 'pool'
    end as line_kind,
    days.tenant_id,
    case when days.category <> 'overhead' then days.deployment_id end as deployment_id,
    max(
        case when days.category = 'overhead' then policies.overhead_policy else policies.idle_policy end
    ) as policy,
    sum(days.cost_units) as cost_units,
    {{ known_sum('days.usd_units') }} as usd_units,
    sum(days.accrued_units) as accrued_units
from {{ ref('int_finance__ledger_days') }} as days
inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
inner join {{ ref('int_finance__policies') }} as policies on dates.period = policies.period
group by 1, 2, 3, 4, 5, 6
