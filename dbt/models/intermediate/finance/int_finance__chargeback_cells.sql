-- Cost of each line of the chargeback by category. Nothing is lost: a pool that no share can carry is the
-- platform's.
with
costs as (
    select * from {{ ref('int_finance__chargeback_costs') }}
),

-- Millionths of the currency, since a product of two amounts at full scale would not fit. A credit is no
-- weight.
served as (
    select
        period,
        currency,
        deployment_id,
        line_kind,
        tenant_id,
        greatest(1, {{ int_div('cost_units', '1000000') }}) as weight
    from costs
    where category = 'served' and cost_units > 0
),

served_anywhere as (
    select period, currency, line_kind, tenant_id, sum(weight) as weight
    from served
    group by period, currency, line_kind, tenant_id
),

pools as (
    select
        costs.period,
        costs.currency,
        costs.category,
        costs.deployment_id,
        costs.cost_units,
        costs.usd_units,
        costs.accrued_units,
        case
            when costs.policy <> 'tenant-share' then costs.policy
            when local.deployment_id is null then 'served-anywhere'
            else 'served-there'
        end as rule
    from costs
    left join (select distinct period, currency, deployment_id from served) as local
        on
            costs.period = local.period and costs.currency = local.currency
            and costs.deployment_id = local.deployment_id
    where costs.line_kind = 'pool'
),

weights as (
    select 'served-there' as rule, period, currency, deployment_id, line_kind, tenant_id, weight
    from served
    union all
    select 'served-anywhere', period, currency, cast(null as string), line_kind, tenant_id, weight
    from served_anywhere
    union all
    select 'reserved', period, cast(null as string), deployment_id, line_kind, tenant_id, weight
    from {{ ref('int_finance__reserved_periods') }}
),

shares as (
    select
        pools.*,
        coalesce(weights.line_kind, 'platform') as line_kind,
        weights.tenant_id,
        cast(coalesce(weights.weight, 1) as {{ big_integer() }}) as weight
    from pools
    left join weights
        on
            pools.rule = weights.rule
            and pools.period = weights.period
            and (pools.currency = weights.currency or pools.rule = 'reserved')
            and (pools.deployment_id = weights.deployment_id or pools.rule = 'served-anywhere')
),

shared as (
    {{ allocate(
        'shares', ['period', 'currency', 'category', 'deployment_id'], 'weight',
        ['line_kind', 'tenant_id asc nulls first'],
        {
            'cost_share': 'cost_units',
            'usd_share': 'usd_units',
            'accrued_share': 'accrued_units',
        }
    ) }}
),

cells as (
    select period, currency, category, line_kind, tenant_id, cost_units, usd_units, accrued_units
    from costs
    where line_kind <> 'pool'
    union all
    select period, currency, category, line_kind, tenant_id, cost_share, usd_share, accrued_share
    from shared
)

select
    period,
    currency,
    category,
    line_kind,
    tenant_id,
    sum(cost_units) as cost_units,
    {{ known_sum('usd_units') }} as usd_units,
    sum(accrued_units) as accrued_units
from cells
group by period, currency, category, line_kind, tenant_id
