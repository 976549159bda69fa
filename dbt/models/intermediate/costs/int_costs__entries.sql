-- Every unit of every charge line in exactly one entry. Busy hours go to tenants as the deployment's method
-- weighs their requests; a busy hour without tokens, or without usable weights, stays unattributed.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date', 'int_costs__restated_dates') }}"
) }}
with
whole as (
    select
        placed.*,
        case
            when placed.state = 'busy' and headroom.fill_ppm is not null
                then {{ mul_div_round('placed.placed_units', 'headroom.fill_ppm', '1000000') }}
            else placed.placed_units
        end as filled_units
    from {{ ref('int_costs__placed') }} as placed
    left join {{ ref('int_allocation__headroom') }} as headroom
        on placed.deployment_id = headroom.deployment_id and placed.hour_index = headroom.hour_index
    where {{ is_restated_hour('placed.hour_index', 'int_costs__restated_dates') }}
),

-- Where the deployment counts headroom as idle, busy time is busy only as far as its batches were full.
placed as (
    select {{ all_but(['state', 'placed_units', 'filled_units']) }}, state, filled_units as placed_units
    from whole
    where filled_units <> 0
    union all
    select
        {{ all_but(['state', 'placed_units', 'filled_units']) }},
        'headroom' as state,
        placed_units - filled_units as placed_units
    from whole
    where placed_units <> filled_units
),

tenants as (
    select * from {{ ref('int_costs__tenant_weights') }}
),

methods as (
    select * from {{ ref('int_allocation__methods') }}
    where {{ is_restated_hour('hour_index', 'int_costs__restated_dates') }}
),

busy as (
    select
        placed.*,
        tenants.tenant_id,
        coalesce(tenants.category, 'unattributed') as category,
        case
            when tenants.category is not null then tenants.cause
            when methods.refusal is not null or methods.method = 'price-weighted' then 'no_weights'
            else 'no_tokens'
        end as cause,
        tenants.label,
        coalesce(tenants.weight, 1) as weight
    from placed
    left join tenants
        on
            placed.deployment_id = tenants.deployment_id
            and placed.hour_index = tenants.hour_index
            and placed.pool = tenants.pool
    left join methods
        on placed.deployment_id = methods.deployment_id and placed.hour_index = methods.hour_index
    where placed.state = 'busy'
),

attributed as (
    {{ allocate(
        'busy', ['line_key', 'hour_index', 'deployment_id', 'pool'], 'weight',
        ['tenant_id asc nulls first', 'category', 'cause asc nulls first'],
        {'cost_units': 'placed_units'}
    ) }}
),

entries as (
    select
        {{ all_but(['placed_units', 'state', 'placed_method'], 'placed') }},
        cast(null as string) as tenant_id,
        case placed.state
            when 'overhead' then 'overhead' when 'unexplained' then 'unattributed' else 'idle'
        end as category,
        case when placed.state = 'overhead' then placed.component else placed.state end as cause,
        placed.placed_method as allocation_method,
        placed.placed_units as cost_units
    from placed
    where placed.state <> 'busy'
    union all
    select
        {{ all_but([
            'placed_units', 'state', 'placed_method', 'category', 'cause', 'tenant_id', 'label', 'weight',
            'cost_units',
        ] + allocate_columns(1)) }},
        tenant_id,
        category,
        cause,
        placed_method || coalesce('|' || label, '') as allocation_method,
        cost_units
    from attributed
    where cost_units <> 0
),

dated as (
    select
        *,
        cast({{ hour_start('hour_index') }} as date) as event_date
    from entries
)

select
    dated.*,
    {{ mul_div_round('dated.cost_units', 'rates.rate_units', '1000000000000') }} as usd_units,
    rates.stated_date as fx_rate_date
from dated
left join {{ ref('int_fx__usd_rates') }} as rates
    on dated.currency = rates.currency and dated.event_date = rates.rate_date
