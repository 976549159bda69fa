-- What the states of GPUs in the hours of a date follow from, beside the fleet and the attempts that are
-- made again.
with
observed as (
    select
        *,
        {{ explode_range(int_div('window_from_us', day_us()), int_div('window_to_us - 1', day_us())) }} as day_index
    from {{ ref('int_fleet__window') }}
    where window_from_us < window_to_us
),

observed_days as (
    select
        day_index * 24 as hour_index,
        greatest(window_from_us, day_index * {{ day_us() }}) as from_us,
        least(window_to_us, (day_index + 1) * {{ day_us() }}) as to_us
    from observed
),

-- Without the interval of scrapes, which moves a little with every file and changes gaps alone.
gauges as (
    select replica_id, hour_index, running_milli, from_us, to_us
    from {{ ref('int_engine__held') }}
)

{{ fingerprints_of({
    'observed_days': hour_date('source.hour_index'),
    'gauges': hour_date('source.hour_index'),
    'int_engine__gauge_hours': hour_date('source.hour_index'),
    'int_gpu__activity_hours': hour_date('source.hour_index'),
    'int_gpu__energy_hours': hour_date('source.hour_index'),
    'int_requests__hour_groups': hour_date('source.hour_index'),
}) }}
