-- Each bill per currency: what it asks for, what the ledger has to spread, and what was delivered twice.
with
bills as (
    select
        bill_id,
        currency,
        min({{ timestamp_of_us('period_from_us') }}) as period_start,
        cast(sum(amount) as decimal(38,12)) as amount,
        cast(sum(case when billed_amount is not null then amount end) as decimal(38,12))
            as effective_amount,
        cast(sum(billed_amount) as decimal(38,12)) as billed_amount
    from {{ ref('int_costs__lines') }}
    group by bill_id, currency
)

select
    bills.*,
    copies.copied_amount
from bills
left join {{ ref('int_costs__charge_copies') }} as copies
    on bills.bill_id = copies.bill_id and bills.currency = copies.currency
