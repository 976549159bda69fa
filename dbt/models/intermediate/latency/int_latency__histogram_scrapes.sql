-- One row per latency histogram of a series and scrape (E5: of duplicates the one with most observations),
-- resolved to its replica.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('scraped_date', 'engine_histograms') }}"
) }}
with
scrapes as (
    select
        lower(instance) as instance,
        engine_index,
        model_name,
        metric,
        {{ epoch_us('scraped_at') }} as scraped_us,
        event_date as scraped_date,
        {{ epoch_us('counters_created_at') }} as created_us,
        bucket_upper_bounds,
        bucket_cumulative_counts,
        {{ whole('observation_sum', 1000000) }} as observation_sum_us,
        observation_count
    from {{ ref('stg_lake__engine_histograms') }}
    where
        metric in ('{{ latency_histograms() | join("', '") }}')
        and {{ is_restated('event_date', 'engine_histograms') }}
    qualify row_number() over (
        partition by lower(instance), engine_index, model_name, metric, scraped_at
        order by
            observation_count desc nulls last, source_file desc, source_digest desc, source_line desc
    ) = 1
),

endpoints as (
    select * from {{ ref('int_fleet__endpoints') }}
)

select
    endpoints.replica_id,
    endpoints.deployment_id,
    scrapes.*
from scrapes
inner join endpoints
    on
        scrapes.instance = endpoints.endpoint_name
        and scrapes.scraped_us >= endpoints.valid_from_us
        and scrapes.scraped_us < endpoints.valid_to_us
qualify row_number() over (
    partition by
        scrapes.instance, scrapes.engine_index, scrapes.model_name, scrapes.metric, scrapes.scraped_us
    order by endpoints.valid_from_us desc, endpoints.replica_id asc
) = 1
