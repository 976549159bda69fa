-- What each meter read, in pieces of time that do not overlap, in 1e-9 kWh. A feed may hold the same
-- energy by quarter hour, hour and day: the shorter interval tells, and of a longer one what the shorter
-- ones leave: its time less theirs, its energy less theirs.
{% set shorter = 'inner_read.to_us - inner_read.from_us < outer_read.to_us - outer_read.from_us' %}
with
-- Most meters have one kind of interval, and none of them meets another.
overlapping as (
    select * from {{ ref('int_energy__intervals') }}
    where island_size > 1
),

pairs as (
    select
        outer_read.meter_id,
        outer_read.island,
        outer_read.from_us as outer_from_us,
        outer_read.to_us as outer_to_us,
        greatest(inner_read.from_us, outer_read.from_us) as from_us,
        least(inner_read.to_us, outer_read.to_us) as to_us,
        inner_read.from_us as inner_from_us,
        inner_read.to_us as inner_to_us,
        inner_read.energy_nkwh as inner_nkwh
    from overlapping as outer_read
    inner join overlapping as inner_read
        on
            outer_read.meter_id = inner_read.meter_id
            and outer_read.island = inner_read.island
            and inner_read.from_us < outer_read.to_us
            and inner_read.to_us > outer_read.from_us
            and (
                {{ shorter }}
                or (
                    inner_read.to_us - inner_read.from_us = outer_read.to_us - outer_read.from_us
                    and inner_read.from_us < outer_read.from_us
                )
            )
),

gaps as (
    select
        meter_id, island, outer_from_us, outer_to_us,
        coalesce({{ reached_over('meter_id, outer_from_us, outer_to_us') }}, outer_from_us) as from_us,
        from_us as to_us
    from pairs
    union all
    select meter_id, island, outer_from_us, outer_to_us, max(to_us), outer_to_us
    from pairs
    group by meter_id, island, outer_from_us, outer_to_us
),

kept as (
    select meter_id, island, outer_from_us as from_us, outer_to_us as to_us
    from gaps
    where from_us < to_us
    group by meter_id, island, outer_from_us, outer_to_us
    union all
    select overlapping.meter_id, overlapping.island, overlapping.from_us, overlapping.to_us
    from overlapping
    left join (select distinct meter_id, outer_from_us, outer_to_us from pairs) as met
        on
            overlapping.meter_id = met.meter_id
            and overlapping.from_us = met.outer_from_us and overlapping.to_us = met.outer_to_us
    where met.meter_id is null
),

-- What shorter intervals tell of a longer one, each energy once: an hour, not also its quarters.
told as (
    select
        pairs.meter_id,
        pairs.outer_from_us,
        pairs.outer_to_us,
        sum({{ sign_of('pairs.inner_nkwh') }} * {{ part_of(
            'abs(pairs.inner_nkwh)', '0', 'pairs.to_us - pairs.from_us',
            'pairs.inner_to_us - pairs.inner_from_us'
        ) }}) as told_nkwh
    from pairs
    inner join kept as inner_read
        on
            pairs.meter_id = inner_read.meter_id
            and pairs.inner_from_us = inner_read.from_us and pairs.inner_to_us = inner_read.to_us
    left join kept as between_read
        on
            pairs.meter_id = between_read.meter_id
            and pairs.island = between_read.island
            and between_read.from_us <= pairs.inner_from_us
            and between_read.to_us >= pairs.inner_to_us
            and between_read.to_us - between_read.from_us > pairs.inner_to_us - pairs.inner_from_us
            and between_read.to_us - between_read.from_us < pairs.outer_to_us - pairs.outer_from_us
    where between_read.meter_id is null
    group by pairs.meter_id, pairs.outer_from_us, pairs.outer_to_us
),

left_over as (
    select
        gaps.meter_id,
        gaps.from_us,
        gaps.to_us,
        case
            when reads.energy_nkwh >= 0 then {{ at_least_zero('reads.energy_nkwh - coalesce(told.told_nkwh, 0)') }}
            else reads.energy_nkwh - coalesce(told.told_nkwh, 0)
        end as energy_nkwh,
        sum(gaps.to_us - gaps.from_us) over (
            partition by gaps.meter_id, gaps.outer_from_us, gaps.outer_to_us
            order by gaps.from_us asc nulls first rows between unbounded preceding and current row
        ) as elapsed_us,
        sum(gaps.to_us - gaps.from_us) over (
            partition by gaps.meter_id, gaps.outer_from_us, gaps.outer_to_us
        ) as open_us
    from gaps
    inner join overlapping as reads
        on
            gaps.meter_id = reads.meter_id
            and gaps.outer_from_us = reads.from_us and gaps.outer_to_us = reads.to_us
    left join told
        on
            gaps.meter_id = told.meter_id
            and gaps.outer_from_us = told.outer_from_us and gaps.outer_to_us = told.outer_to_us
    where gaps.from_us < gaps.to_us
)

select intervals.meter_id, intervals.from_us, intervals.to_us, intervals.energy_nkwh
from {{ ref('int_energy__intervals') }} as intervals
left join (select distinct meter_id, outer_from_us, outer_to_us from pairs) as met
    on
        intervals.meter_id = met.meter_id
        and intervals.from_us = met.outer_from_us and intervals.to_us = met.outer_to_us
where met.meter_id is null
union all
select
    meter_id,
    from_us,
    to_us,
    cast({{ sign_of('energy_nkwh') }} * {{ part_of(
        'abs(energy_nkwh)', 'elapsed_us - (to_us - from_us)', 'elapsed_us', 'open_us'
    ) }} as bigint) as energy_nkwh
from left_over
