-- What each counter gained between two scrapes of a series (E2 to E4). A scrape without any counter is
-- another exporter's and breaks no interval; a counter that one scrape lacks resumes at its last value.
{% set counters = engine_counters() %}
{% set series = 'partition by instance, engine_index, model_name order by scraped_us asc nulls first' %}
{% set before = series ~ ' rows between unbounded preceding and 1 preceding' %}
with
observed as (
    select
        *,
        min(scraped_us) over () as first_scrape_us
    from {{ ref('int_engine__scrapes') }}
),

scrapes as (
    select
        *,
        lag(scraped_us) over ({{ series }}) as previous_us,
        {{ last_known('created_us', before) }} as previous_created_us,
        {% for counter in counters -%}
        {{ last_known(counter, before) }} as previous_{{ counter }}{{ "," if not loop.last }}
        {% endfor %}
    from observed
    where coalesce({{ counters | join(', ') }}) is not null
),

dated as (
    select
        *,
        -- Stated starts of one process differ by float noise; a restart takes longer than a second.
        abs(created_us - previous_created_us) > 1000000 as is_restarted,
        previous_us is null and created_us >= first_scrape_us as is_started
    from scrapes
)

select
    replica_id,
    deployment_id,
    instance,
    engine_index,
    model_name,
    least(
        scraped_us - 1,
        case
            when is_started then created_us
            when is_restarted then greatest(previous_us, created_us)
            else previous_us
        end
    ) as from_us,
    scraped_us as to_us,
    {% for counter in counters -%}
    case
        when is_started or coalesce(is_restarted, false) or {{ counter }} < previous_{{ counter }}
            then {{ counter }}
        else {{ counter }} - previous_{{ counter }}
    end as {{ counter }}{{ "," if not loop.last }}
    {% endfor %}
from dated
where previous_us is not null or is_started
