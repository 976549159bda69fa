-- Dates whose hours of GPUs are made again: those that follow from something new, and those in which an
-- attempt ran that was made again.
{{ changed_dates('int_gpu__fingerprints') }}
union
select {{ hour_date('hour_index') }} as event_date
from {{ ref('int_requests__hour_groups') }}
where started_date in (select event_date from {{ ref('int_requests__restated_dates') }})
