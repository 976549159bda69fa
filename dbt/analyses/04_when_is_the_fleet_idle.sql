-- When is the fleet idle, and why: GPU-hours by state for each hour of the day?
select
    extract(hour from hour_start) as utc_hour_of_day,
    sum(gpu_hours_assigned) as gpu_hours_assigned,
    sum(gpu_hours_busy) / nullif(sum(gpu_hours_assigned), 0) as busy_share,
    sum(gpu_hours_ready_empty) / nullif(sum(gpu_hours_assigned), 0) as ready_empty_share,
    sum(gpu_hours_not_ready) / nullif(sum(gpu_hours_assigned), 0) as not_ready_share,
    sum(cost_idle_usd) as cost_idle_usd
from {{ ref('fct_deployment_hours') }}
group by extract(hour from hour_start)
order by utc_hour_of_day asc
