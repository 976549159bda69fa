-- Each hour of each charge line on deployment and state. What no GPU can bear keeps a row of its own.
with
lines as (
    select * from {{ ref('int_costs__line_hours') }}
),

targets as (
    select * from {{ ref('int_costs__targets') }}
),

observed as (
    select * from {{ ref('int_fleet__window') }}
),

joined as (
    select
        lines.line_key,
        lines.hour_index,
        lines.hour_units,
        targets.deployment_id,
        targets.state,
        targets.gpu_method,
        coalesce(targets.weight, 1) as weight
    from lines
    left join targets
        on
            lines.is_direct
            and lines.scope = targets.scope
            and lines.scope_id = targets.scope_id
            and lines.hour_index = targets.hour_index
),

allocated as (
    {{ allocate(
        'joined', ['line_key', 'hour_index'], 'weight',
        ['deployment_id asc nulls first', 'state asc nulls first'], {'placed_units': 'hour_units'}
    ) }}
)

select
    lines.bill_id,
    lines.charge_line_id,
    lines.line_key,
    lines.cost_source,
    lines.component,
    lines.site_id,
    lines.stated_region,
    lines.currency,
    lines.bill_kind,
    lines.hour_index,
    allocated.deployment_id,
    case
        when not lines.is_direct then 'overhead'
        when allocated.state is not null then allocated.state
        when
            lines.hour_index * {{ hour_us() }} >= observed.window_from_us
            and lines.hour_index * {{ hour_us() }} < observed.window_to_us
            then 'unallocated'
        else 'unobserved'
    end as state,
    case when lines.is_metered then 'metered-kwh' else 'even-hours' end
    || coalesce('|' || allocated.gpu_method, '') as placed_method,
    allocated.placed_units
from allocated
inner join lines
    on allocated.line_key = lines.line_key and allocated.hour_index = lines.hour_index
cross join observed
where allocated.placed_units <> 0
