-- What was used and is not billed yet. The lines go once the bill is there.
select * from {{ ref('int_costs__energy_accruals') }}
union all
select * from {{ ref('int_costs__lease_accruals') }}
