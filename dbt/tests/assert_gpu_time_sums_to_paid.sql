-- Every paid GPU-second is in exactly one state (metrics: 5.9, 4).
select *
from {{ ref('rpt_reconciliation') }}
where check_name = 'gpu_hours_by_state' and difference <> 0
