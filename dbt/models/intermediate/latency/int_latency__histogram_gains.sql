-- What each latency histogram gained between two scrapes of its series (E2 to E4), bucket by bucket. After
-- a restart, and after a change of the buckets, all that the histogram holds is new.
{% set series = 'partition by instance, engine_index, model_name, metric order by scraped_us asc' %}
with
observed as (
    select
        *,
        min(scraped_us) over () as first_scrape_us
    from {{ ref('int_latency__histogram_scrapes') }}
),

paired as (
    select
        *,
        lag(scraped_us) over ({{ series }}) as previous_us,
        lag(created_us) over ({{ series }}) as previous_created_us,
        lag(observation_sum_us) over ({{ series }}) as previous_sum_us,
        lag(observation_count) over ({{ series }}) as previous_count,
        lag(bucket_upper_bounds) over ({{ series }}) as previous_bounds,
        lag(bucket_cumulative_counts) over ({{ series }}) as previous_cumulative_counts
    from observed
),

dated as (
    select
        *,
        -- Stated starts of one process differ by float noise; a restart takes longer than a second.
        coalesce(abs(created_us - previous_created_us) > 1000000, false) as is_restarted,
        previous_us is null and created_us >= first_scrape_us as is_started
    from paired
),

gained as (
    select
        *,
        least(
            scraped_us - 1,
            case
                when is_started then created_us
                when is_restarted then greatest(previous_us, created_us)
                else previous_us
            end
        ) as from_us,
        is_started
        or is_restarted
        or observation_count < previous_count
        or bucket_upper_bounds is distinct from previous_bounds as is_whole
    from dated
    where previous_us is not null or is_started
),

buckets as (
    select
        *,
        {{ explode_range('1', list_len('bucket_upper_bounds')) }} as position
    from gained
),

counted as (
    select
        *,
        {{ list_item('bucket_cumulative_counts', 'position') }} - case
            when position > 1 then {{ list_item('bucket_cumulative_counts', 'greatest(1, position - 1)') }}
            else 0
        end as bucket_count,
        case when not is_whole then
            {{ list_item('previous_cumulative_counts', 'position') }} - case
                when position > 1
                    then {{ list_item('previous_cumulative_counts', 'greatest(1, position - 1)') }}
                else 0
            end
        else 0 end as previous_bucket_count
    from buckets
)

select
    replica_id,
    deployment_id,
    metric,
    from_us,
    scraped_us as to_us,
    cast(bucket_upper_bounds as string) as layout,
    {{ list_item('bucket_upper_bounds', 'position') }} as upper_bound,
    -- Buckets are read one after the other while they move: what seems to shrink gained nothing.
    {{ at_least_zero('bucket_count - previous_bucket_count') }} as observation_count,
    -- The sum belongs to the whole histogram; its first bucket carries it.
    case
        when position > 1 then 0
        when is_whole then observation_sum_us
        else observation_sum_us - previous_sum_us
    end as observation_sum_us
from counted
