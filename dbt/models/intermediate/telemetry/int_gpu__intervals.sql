-- Each sample of a board with the one before it and the board's usual interval.
with
samples as (
    select
        *,
        lag(sampled_us) over (partition by gpu_uuid order by sampled_us asc nulls first) as previous_us,
        lead(sampled_us) over (partition by gpu_uuid order by sampled_us asc nulls first) as next_us,
        lag(power_mw) over (partition by gpu_uuid order by sampled_us asc nulls first)
            as previous_power_mw,
        lag(counter_mj) over (partition by gpu_uuid order by sampled_us asc nulls first)
            as previous_counter_mj
    from {{ ref('int_gpu__board_samples') }}
    qualify row_number() over (
        partition by gpu_uuid, sampled_us
        order by counter_mj desc nulls last, power_mw desc nulls last
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
