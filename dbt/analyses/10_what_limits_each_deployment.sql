-- What limits each deployment, in how many of its hours, and how full were its batches then?
select
    deployment_id,
    limiting_factor,
    count(*) as hour_count,
    sum(batch_fill_ratio * batch_fill_den)
    / nullif(sum(case when batch_fill_ratio is not null then batch_fill_den end), 0) as batch_fill_ratio,
    sum(preemption_count) as preemption_count
from {{ ref('rpt_batching') }}
group by deployment_id, limiting_factor
order by deployment_id asc, hour_count desc, limiting_factor asc nulls last
