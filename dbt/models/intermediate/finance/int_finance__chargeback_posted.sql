-- The chargeback in minor units: the month's total is rounded once, its categories add up to it, and the
-- lines of a category add up to that.
with
cells as (
    select
        *,
        cost_units as units,
        cast({{ minor_step('currency') }} as {{ big_integer() }}) as step
    from {{ ref('int_finance__chargeback_cells') }}
),

categories as (
    select
        period,
        currency,
        category,
        step,
        sum(units) as units,
        {{ mul_div_round('sum(sum(units)) over (partition by period, currency)', '1', 'step') }} as period_total
    from cells
    group by period, currency, category, step
),

posted_categories as (
    {{ post_to_total('categories', ['period', 'currency'], 'period_total', ['category']) }}
),

joined as (
    select
        cells.*,
        posted_categories.posted as category_total
    from cells
    inner join posted_categories
        on
            cells.period = posted_categories.period
            and cells.currency = posted_categories.currency
            and cells.category = posted_categories.category
),

posted_cells as (
    {{ post_to_total(
        'joined', ['period', 'currency', 'category'], 'category_total',
        ['line_kind desc', 'tenant_id asc nulls first']
    ) }}
)

select
    period,
    currency,
    category,
    line_kind,
    tenant_id,
    cost_units,
    usd_units,
    accrued_units,
    posted * step as posted_units
from posted_cells
