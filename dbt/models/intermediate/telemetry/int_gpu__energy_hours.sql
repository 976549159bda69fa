-- Board energy per UTC hour: the counter where there is one (a fall is a reset, E3), else the trapezoid
-- of power with linear interpolation at the hour's edges, over gaps of at most two intervals. Where both tell of
-- the same time, what each says is kept: one checks the other.
{% set trapezoid -%}
cast(floor(
    (
        2e0 * previous_power_mw
        + (power_mw - previous_power_mw) * (cast(elapsed_from + elapsed_to as double) / length_us)
    ) / 2e0 * (elapsed_to - elapsed_from) / 1000000e0 + 0.5
) as bigint)
{%- endset %}
with
intervals as (
    select
        *,
        case
            when counter_mj < previous_counter_mj then counter_mj
            else counter_mj - previous_counter_mj
        end as gained_mj,
        case when counter_mj is not null then coalesce(previous_counter_us, previous_us) else previous_us end
            as since_us
    from {{ ref('int_gpu__intervals') }}
    where
        previous_us is not null
        -- Between two counters the counter tells; power would count the same energy again.
        and (counter_mj is not null or previous_counter_us is null or next_counter_us is null)
),

timed as (
    select
        *,
        sampled_us - since_us as length_us
    from intervals
),

usable as (
    select * from timed
    where
        gained_mj is not null
        or (
            power_mw is not null
            and previous_power_mw is not null
            and length_us <= {{ var('held_intervals') }} * interval_us
        )
),

exploded as (
    select
        *,
        {{ explode_hours('since_us', 'sampled_us') }} as hour_index
    from usable
),

clipped as (
    select
        *,
        {{ clipped_from('since_us', 'hour_index') }} - since_us as elapsed_from,
        {{ clipped_to('sampled_us', 'hour_index') }} - since_us as elapsed_to
    from exploded
),

pieces as (
    select
        *,
        case
            when gained_mj is not null
                then {{ part_of('gained_mj', 'elapsed_from', 'elapsed_to', 'length_us') }}
            -- Mean of the two interpolated powers × seconds: mW × µs / 1e6 = mJ.
            else {{ trapezoid }}
        end as energy_mj,
        case
            when gained_mj is not null and since_us = previous_us
                and length_us <= {{ var('held_intervals') }} * interval_us
                then {{ trapezoid }}
        end as power_mj
    from clipped
)

select
    gpu_uuid,
    is_in_fleet,
    hour_index,
    cast(sum(energy_mj) as bigint) as energy_mj,
    cast(sum(elapsed_to - elapsed_from) as bigint) as measured_us,
    count(case when gained_mj is null then 1 end) = 0 as is_all_counter,
    cast(sum(power_mj) as bigint) as checked_power_mj,
    cast(sum(case when power_mj is not null then energy_mj end) as bigint) as checked_counter_mj
from pieces
group by gpu_uuid, is_in_fleet, hour_index
