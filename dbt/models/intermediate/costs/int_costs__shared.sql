-- What each group of attempts has a share in: the money of its part of the ledger, the energy of its hour,
-- the idle and overhead of its day; each with the weight of all who share and of those ahead of the group.
select
    groups.*,
    money.deployment_id is not null as is_costed,
    money.accelerator_units,
    money.electricity_units,
    money.other_units,
    coalesce(money.has_missing_rate, false) as has_missing_rate,
    energy.busy_mj,
    energy.facility_busy_mj,
    energy.marginal_units,
    days.idle_units,
    days.overhead_units
from {{ ref('int_allocation__pool_groups') }} as groups
left join {{ ref('int_costs__request_groups') }} as money
    on
        groups.deployment_id = money.deployment_id
        and groups.hour_index = money.hour_index
        and groups.pool = money.pool
        and groups.category = money.category
        and groups.tenant_id is not distinct from money.tenant_id
        and groups.cause is not distinct from money.cause
left join {{ ref('int_costs__marginal_hours') }} as energy
    on groups.deployment_id = energy.deployment_id and groups.hour_index = energy.hour_index
left join {{ ref('int_costs__deployment_days') }} as days
    on groups.deployment_id = days.deployment_id and groups.started_date = days.event_date
