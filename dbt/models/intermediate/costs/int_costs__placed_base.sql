-- Each hour of each charge line but taxes and credits on deployment and state. What no GPU can bear keeps
-- a row of its own.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_costs__restated_dates') }}"
) }}
with
lines as (
    select
        *,
        case
            when gpu_uuid is not null then 'gpu'
            when bill_kind = 'fixed' and scope = 'site' then 'site_reserved'
            else scope
        end as target_scope,
        coalesce(gpu_uuid, scope_id) as target_id,
        coalesce(bill_kind = 'demand', false) and scope = 'site' as is_demand
    from {{ ref('int_costs__line_hours') }}
    where not is_on_base and {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
),

targets as (
    select scope, scope_id, hour_index, deployment_id, pool, state, gpu_method, weight
    from {{ ref('int_costs__targets') }}
    where {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
    union all
    -- Few bills name a GPU, so that these are not kept for all of them.
    select 'gpu', gpu_uuid, hour_index, deployment_id, pool, state, 'gpu-time', cast(state_us as {{ big_integer() }})
    from {{ ref('int_gpu__state_hours') }}
    where
        {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
        and gpu_uuid in (select gpu_uuid from lines where gpu_uuid is not null)
),

-- A deployment bears its share of the demand in every hour, in whatever state it is then.
demanded as (
    select
        lines.line_key,
        lines.hour_index,
        lines.hour_units,
        shares.deployment_id,
        shares.gpu_method,
        shares.weight
    from lines
    inner join {{ ref('int_costs__demand_shares') }} as shares on lines.billed_line_key = shares.line_key
    inner join {{ ref('int_fleet__window') }} as observed
        on
            lines.hour_index * {{ hour_us() }} >= observed.window_from_us
            and lines.hour_index * {{ hour_us() }} < observed.window_to_us
    where lines.is_demand
),

shared as (
    {{ allocate(
        'demanded', ['line_key', 'hour_index'], 'weight', ['deployment_id asc nulls first'],
        {'deployment_units': 'hour_units'}
    ) }}
),

joined as (
    select
        lines.line_key,
        lines.hour_index,
        shared.deployment_id as sharing_id,
        case when shared.line_key is null then lines.hour_units else shared.deployment_units end as part_units,
        coalesce(targets.deployment_id, shared.deployment_id) as deployment_id,
        targets.pool,
        case
            when lines.is_unexplained then 'unexplained'
            when targets.state is not null then targets.state
            -- Its GPUs made the peak and are gone in this hour.
            when shared.deployment_id is not null then 'not_ready'
        end as state,
        coalesce(shared.gpu_method, targets.gpu_method) as gpu_method,
        coalesce(targets.weight, 1) as weight
    from lines
    left join shared
        on lines.line_key = shared.line_key and lines.hour_index = shared.hour_index
    left join targets
        on
            lines.is_direct
            and not lines.is_unexplained
            and lines.target_scope = targets.scope
            and lines.target_id = targets.scope_id
            and lines.hour_index = targets.hour_index
            and (shared.line_key is null or shared.deployment_id is not distinct from targets.deployment_id)
),

allocated as (
    {{ allocate(
        'joined', ['line_key', 'hour_index', 'sharing_id'], 'weight',
        ['deployment_id asc nulls first', 'pool asc nulls first', 'state asc nulls first'],
        {'placed_units': 'part_units'}
    ) }}
)

select line_key, hour_index, deployment_id, pool, state, gpu_method, placed_units
from allocated
where placed_units <> 0
