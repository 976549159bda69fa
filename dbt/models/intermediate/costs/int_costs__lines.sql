-- All charge lines; the ledger and the reconciliation start here.
with
lines as (
    select {{ all_but(['is_one_time']) }} from {{ ref('int_costs__charge_lines') }}
    union all
    select * from {{ ref('int_costs__bill_lines') }}
    union all
    select * from {{ ref('int_costs__amortisation_lines') }}
    union all
    select * from {{ ref('int_costs__accrual_lines') }}
)

select
    {{ all_but(['period_to_us', 'amount']) }},
    cost_source || ' ' || bill_id || ' ' || charge_line_id as line_key,
    -- A charge without a length belongs to the hour in which it starts.
    greatest(period_to_us, period_from_us + 1) as period_to_us,
    amount,
    {{ money_units('amount') }} as amount_units,
    accrual_method is not null as is_accrued,
    -- Servers and electricity are for GPUs; the rest is shared by everyone.
    scope = 'server' or (scope = 'site' and component in ('electricity', 'demand')) as is_direct,
    -- Taxes and credits follow what they are on: the other lines of their bill for the same site.
    coalesce(bill_kind in ('tax', 'credit'), false) as is_on_base
from lines
