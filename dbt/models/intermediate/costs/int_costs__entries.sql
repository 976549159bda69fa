-- Every unit of every charge line in exactly one entry. Busy hours go to tenants by phase weights
-- (M7); a busy hour without tokens stays unattributed.
with
placed as (
    select * from {{ ref('int_costs__placed') }}
),

tenants as (
    select * from {{ ref('int_costs__tenant_weights') }}
),

busy as (
    select
        placed.*,
        tenants.tenant_id,
        coalesce(tenants.category, 'unattributed') as category,
        case when tenants.category is null then 'no_tokens' else tenants.cause end as cause,
        coalesce(tenants.weight, 1) as weight
    from placed
    left join tenants
        on placed.deployment_id = tenants.deployment_id and placed.hour_index = tenants.hour_index
    where placed.state = 'busy'
),

attributed as (
    {{ allocate(
        'busy', ['line_key', 'hour_index', 'deployment_id'], 'weight',
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
        {{ all_but(['placed_units', 'state', 'placed_method'], 'placed') }},
        attributed.tenant_id,
        attributed.category,
        attributed.cause,
        placed.placed_method
        || case when attributed.category = 'unattributed' then '' else '|phase-weights' end
            as allocation_method,
        attributed.cost_units
    from attributed
    inner join placed
        on
            attributed.line_key = placed.line_key
            and attributed.hour_index = placed.hour_index
            and attributed.deployment_id = placed.deployment_id
            and placed.state = 'busy'
    where attributed.cost_units <> 0
),

dated as (
    select
        *,
        cast({{ hour_start('hour_index') }} as date) as event_date
    from entries
)

select
    dated.*,
    {{ mul_div_round('dated.cost_units', 'rates.rate_units', '1000000000000') }} as usd_units
from dated
left join {{ ref('int_fx__usd_rates') }} as rates
    on dated.currency = rates.currency and dated.event_date = rates.rate_date
