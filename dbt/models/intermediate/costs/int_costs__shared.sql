-- What each group of attempts has a share in: the money of its part of the ledger, the energy of its hour,
-- the idle and overhead of its day; each with the weight of all who share and of those ahead of the group.
-- Groups stand in one order; `before` is what those ahead of a group weigh, within its part of the ledger, its
-- hour and its day. Of the dates that are made again only: who shares an hour with their attempts is read too.
{% set part = 'deployment_id, hour_index, pool, tenant_id, category, cause' %}
{% set order = 'pool asc, tenant_id asc nulls first, category asc, cause asc nulls first' %}
{% set last = 'started_date asc, is_split asc, has_classes asc' %}
{% set ahead = 'rows between unbounded preceding and 1 preceding' %}
with
groups as (
    select * from {{ ref('int_allocation__pool_groups') }}
    where {{ is_run_in('hour_index', 'int_books__restated_dates') }}
),

placed as (
    select
        *,
        sum(weight) over (partition by {{ part }}) as part_weight,
        sum(weight) over (partition by deployment_id, hour_index) as hour_weight,
        sum(weight) over (partition by started_date, deployment_id) as day_weight,
        coalesce(sum(weight) over (partition by {{ part }} order by {{ last }} {{ ahead }}), 0)
            as part_before,
        coalesce(sum(weight) over (
            partition by deployment_id, hour_index order by {{ order }}, {{ last }} {{ ahead }}
        ), 0) as hour_before,
        coalesce(sum(weight) over (
            partition by started_date, deployment_id
            order by hour_index asc, {{ order }}, is_split asc, has_classes asc {{ ahead }}
        ), 0) as day_before
    from groups
)

select
    placed.*,
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
from placed
left join {{ ref('int_costs__request_groups') }} as money
    on
        placed.deployment_id = money.deployment_id
        and placed.hour_index = money.hour_index
        and placed.pool = money.pool
        and placed.category = money.category
        and placed.tenant_id is not distinct from money.tenant_id
        and placed.cause is not distinct from money.cause
left join {{ ref('int_costs__marginal_hours') }} as energy
    on placed.deployment_id = energy.deployment_id and placed.hour_index = energy.hour_index
left join {{ ref('int_costs__deployment_days') }} as days
    on placed.deployment_id = days.deployment_id and placed.started_date = days.event_date
where {{ is_made_again('placed.started_date', 'int_books__restated_dates') }}
