-- Each hour of each charge line on deployment and state. Taxes and credits go where the other lines of
-- their bill go in that hour, or by the site's energy where these fall below zero.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_costs__restated_dates') }}"
) }}
with
lines as (
    select * from {{ ref('int_costs__line_hours') }}
    where {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
),

base as (
    select * from {{ ref('int_costs__placed_base') }}
    where {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
),

observed as (
    select * from {{ ref('int_fleet__window') }}
),

cells as (
    select
        lines.bill_id,
        lines.currency,
        lines.scope_id,
        lines.hour_index,
        base.deployment_id,
        base.pool,
        base.state,
        sum(base.placed_units) as base_units
    from base
    inner join lines on base.line_key = lines.line_key and base.hour_index = lines.hour_index
    where lines.cost_source = 'energy_bills' and lines.scope = 'site'
    group by
        lines.bill_id, lines.currency, lines.scope_id, lines.hour_index, base.deployment_id, base.pool,
        base.state
    qualify
        min(sum(base.placed_units)) over (
            partition by lines.bill_id, lines.currency, lines.scope_id, lines.hour_index
        ) >= 0
        and sum({{ int_div('sum(base.placed_units)', '1000') }}) over (
            partition by lines.bill_id, lines.currency, lines.scope_id, lines.hour_index
        ) > 0
),

taxed as (
    select
        lines.line_key,
        lines.hour_index,
        lines.hour_units,
        coalesce(cells.deployment_id, targets.deployment_id) as deployment_id,
        case when cells.bill_id is not null then cells.pool else targets.pool end as pool,
        coalesce(cells.state, targets.state) as state,
        case when cells.bill_id is not null then 'bill-base' else targets.gpu_method end as gpu_method,
        -- In 1e-9 of the currency, so that the product with the amount fits.
        coalesce({{ int_div('cells.base_units', '1000') }}, targets.weight, 1) as weight
    from lines
    left join cells
        on
            lines.scope = 'site'
            and lines.bill_id = cells.bill_id and lines.currency = cells.currency
            and lines.scope_id = cells.scope_id and lines.hour_index = cells.hour_index
    left join {{ ref('int_costs__targets') }} as targets
        on
            cells.bill_id is null
            and lines.is_direct
            and lines.scope = targets.scope and lines.scope_id = targets.scope_id
            and lines.hour_index = targets.hour_index
    where lines.is_on_base
),

allocated as (
    {{ allocate(
        'taxed', ['line_key', 'hour_index'], 'weight',
        ['deployment_id asc nulls first', 'pool asc nulls first', 'state asc nulls first'],
        {'placed_units': 'hour_units'}
    ) }}
),

placed as (
    select line_key, hour_index, deployment_id, pool, state, gpu_method, placed_units
    from base
    union all
    select line_key, hour_index, deployment_id, pool, state, gpu_method, placed_units
    from allocated
    where placed_units <> 0
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
    lines.is_accrued,
    lines.hour_index,
    placed.deployment_id,
    placed.pool,
    case
        when lines.scope = 'unused' then 'unallocated'
        when not lines.is_direct then 'overhead'
        when placed.state is not null then placed.state
        when
            lines.hour_index * {{ hour_us() }} >= observed.window_from_us
            and lines.hour_index * {{ hour_us() }} < observed.window_to_us
            then 'unallocated'
        else 'unobserved'
    end as state,
    lines.hour_method || coalesce('|' || placed.gpu_method, '') as placed_method,
    placed.placed_units
from placed
inner join lines on placed.line_key = lines.line_key and placed.hour_index = lines.hour_index
cross join observed
