-- Every bill is allocated whole, per currency, to the last digit (metrics: 5.9, 1).
select *
from {{ ref('rpt_reconciliation') }}
where check_name = 'bill_allocated' and difference <> 0
