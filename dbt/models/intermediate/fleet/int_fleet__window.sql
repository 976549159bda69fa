-- The hours in which anything of the fleet was seen: one row, null where nothing was.
-- Outside of it nobody knows what a GPU did, so no state is claimed there.
with
observed as (
    select min(started_us) as first_us, max(last_us) as last_us
    from {{ ref('int_requests__measured') }}
    where deployment_id is not null
    union all
    select min(scraped_us) as first_us, max(scraped_us) as last_us
    from {{ ref('int_engine__scrapes') }}
    union all
    select min(sampled_us) as first_us, max(sampled_us) as last_us
    from {{ ref('int_gpu__board_samples') }}
    where is_in_fleet
)

select
    {{ int_div('min(first_us)', hour_us()) }} * {{ hour_us() }} as window_from_us,
    ({{ int_div('max(last_us) - 1', hour_us()) }} + 1) * {{ hour_us() }} as window_to_us
from observed
