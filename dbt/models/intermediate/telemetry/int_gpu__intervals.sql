-- Each sample of a board with the one before it and the board's usual interval. The counter before is
-- the last one that was read: another exporter of the board may not have it.
{% set board = 'partition by gpu_uuid order by sampled_us' %}
{% set counted_us = 'case when counter_mj is not null then sampled_us end' %}
{% set before = 'rows between unbounded preceding and 1 preceding' %}
with
samples as (
    select
        *,
        lag(sampled_us) over (partition by gpu_uuid order by sampled_us asc nulls first) as previous_us,
        lead(sampled_us) over (partition by gpu_uuid order by sampled_us asc nulls first) as next_us,
        lag(power_mw) over (partition by gpu_uuid order by sampled_us asc nulls first)
            as previous_power_mw,
        {{ last_known(counted_us, board ~ ' asc nulls first ' ~ before) }} as previous_counter_us,
        {{ last_known('counter_mj', board ~ ' asc nulls first ' ~ before) }} as previous_counter_mj,
        {{ last_known(counted_us, board ~ ' desc nulls last ' ~ before) }} as next_counter_us
    from {{ ref('int_gpu__board_samples') }}
    qualify row_number() over (
        partition by gpu_uuid, sampled_us
        order by
            counter_mj desc nulls last, power_mw desc nulls last, gpu_util_ppm desc nulls last,
            sm_active_ppm desc nulls last, tensor_active_ppm desc nulls last,
            dram_active_ppm desc nulls last
    ) = 1
),

usual as (
    select
        gpu_uuid,
        percentile_disc(0.5) within group (order by sampled_us - previous_us asc) as interval_us
    from samples
    where previous_us is not null
    group by gpu_uuid
)

select
    samples.*,
    usual.interval_us
from samples
left join usual on samples.gpu_uuid = usual.gpu_uuid
