-- The pools of GPUs that work for a deployment in an hour (E11), and in which of them its input and its
-- output tokens are counted: once each.
with
held as (
    select distinct deployment_id, hour_index, pool
    from {{ ref('int_gpu__replica_hours') }}
),

pooled as (
    select
        methods.deployment_id,
        methods.hour_index,
        coalesce(held.pool, 'unified') as pool
    from {{ ref('int_allocation__methods') }} as methods
    left join held
        on methods.deployment_id = held.deployment_id and methods.hour_index = held.hour_index
)

select
    *,
    pool = 'prefill'
    or (pool = 'unified' and not bool_or(pool = 'prefill') over (partition by deployment_id, hour_index))
        as counts_input,
    pool = 'decode'
    or (pool = 'unified' and not bool_or(pool = 'decode') over (partition by deployment_id, hour_index))
        as counts_output
from pooled
