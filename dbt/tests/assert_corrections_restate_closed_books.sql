-- Closed books and corrections sum to the ledger of now, per closed period, bill and currency.
with
closed as (
    select ledger.period, ledger.bill_id, ledger.currency, ledger.cost
    from {{ ref('stg_books__ledger') }} as ledger
    inner join {{ ref('stg_books__postings') }} as postings on ledger.period = postings.period
),

amounts as (
    select period, bill_id, currency, cost from closed
    union all
    select corrected_period, bill_id, currency, cost from {{ ref('fct_cost_corrections') }}
    union all
    select postings.period, ledger.bill_id, ledger.currency, -ledger.cost
    from {{ ref('fct_cost_ledger') }} as ledger
    inner join {{ ref('stg_books__postings') }} as postings
        on ledger.event_date between postings.first_date and postings.last_date
)

select period, bill_id, currency, sum(cost) as difference
from amounts
group by period, bill_id, currency
having sum(cost) <> 0
