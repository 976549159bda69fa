-- All charge lines over UTC hours, taxes and credits included: these by what the other lines of their bill
-- come to in each hour, or by seconds where there is none or it falls below zero.
{{ config(materialized='view') }}
with
base as (
    select * from {{ ref('int_costs__base_hours') }}
),

lines as (
    select * from {{ ref('int_costs__lines') }}
    where amount_units <> 0 and is_on_base
),

base_sums as (
    select
        others.bill_id,
        others.currency,
        others.scope_id,
        base.hour_index,
        sum(base.hour_units) as base_units
    from base
    inner join {{ ref('int_costs__lines') }} as others on base.line_key = others.line_key
    where others.cost_source = 'energy_bills' and others.scope = 'site'
    group by others.bill_id, others.currency, others.scope_id, base.hour_index
),

bases as (
    select bill_id, currency, scope_id
    from base_sums
    group by bill_id, currency, scope_id
    having min(base_units) >= 0 and sum({{ int_div('base_units', '1000') }}) > 0
),

weighed as (
    select lines.line_key, lines.amount_units, base_sums.hour_index, 'bill-base' as hour_method,
        -- In 1e-9 of the currency, so that the product with the amount fits.
        {{ int_div('base_sums.base_units', '1000') }} as weight
    from lines
    inner join bases
        on
            lines.bill_id = bases.bill_id and lines.currency = bases.currency
            and lines.scope_id = bases.scope_id
    inner join base_sums
        on
            lines.bill_id = base_sums.bill_id and lines.currency = base_sums.currency
            and lines.scope_id = base_sums.scope_id
    union all
    select exploded.line_key, exploded.amount_units, exploded.hour_index, 'even-hours' as hour_method,
        cast({{ clipped_to('exploded.period_to_us', 'exploded.hour_index') }}
            - {{ clipped_from('exploded.period_from_us', 'exploded.hour_index') }} as {{ big_integer() }})
    from (
        select lines.*, {{ explode_hours('period_from_us', 'period_to_us') }} as hour_index
        from lines
    ) as exploded
    left join bases
        on
            exploded.bill_id = bases.bill_id and exploded.currency = bases.currency
            and exploded.scope_id = bases.scope_id
    where bases.bill_id is null
),

allocated as (
    {{ allocate('weighed', ['line_key'], 'weight', ['hour_index'], {'hour_units': 'amount_units'}) }}
)

select line_key, hour_index, hour_method, explained_ppb, hour_units
from base
union all
select line_key, hour_index, hour_method, cast(null as {{ big_integer() }}), hour_units
from allocated
where hour_units <> 0
