{{ config(materialized='table') }}
{% set keys = correction_keys() | join(', ') %}
with
postings as (
    select * from {{ ref('int_books__postings') }}
),

-- The ledger of now less what the books have stated. A sum leaves out what has no rate: what gets one
-- later is due whole.
amounts as (
    select
        postings.period,
        {% for key in correction_keys() %}ledger.{{ key }}, {% endfor %}
        ledger.charge_line_id,
        ledger.cost,
        ledger.cost_usd
    from {{ ref('fct_cost_ledger') }} as ledger
    inner join postings on ledger.event_date between postings.first_date and postings.last_date
    union all
    select
        period,
        {{ keys }},
        charge_line_id,
        -cost as cost,
        -cost_usd as cost_usd
    from {{ ref('int_books__stated') }}
),

due as (
    select
        period,
        {{ keys }},
        case
            when count(distinct coalesce(charge_line_id, '')) = 1 then min(charge_line_id)
        end as charge_line_id,
        cast(sum(cost) as decimal(38,12)) as cost,
        cast(sum(cost_usd) as decimal(38,12)) as cost_usd
    from amounts
    group by period, {{ keys }}
    having sum(cost) <> 0 or coalesce(sum(cost_usd), 0) <> 0
)

select
    postings.posted_period,
    postings.posted_from,
    postings.posted_until,
    due.period as corrected_period,
    {% for key in correction_keys() %}due.{{ key }}, {% endfor %}
    due.charge_line_id,
    due.cost,
    due.cost_usd,
    false as is_closed
from due
inner join postings on due.period = postings.period
union all
select
    posted_period,
    posted_from,
    posted_until,
    corrected_period,
    {{ keys }},
    charge_line_id,
    cost,
    cost_usd,
    true as is_closed
from {{ ref('int_books__corrections_posted') }}
