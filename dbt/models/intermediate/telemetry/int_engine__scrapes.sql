-- One row per series and scrape (E5: duplicates by the largest, never the sum), resolved to its replica.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('scraped_date', 'engine_samples') }}"
) }}
{% set counters = engine_counters() %}
with
scrapes as (
    select
        lower(instance) as instance,
        engine_index,
        model_name,
        {{ epoch_us('scraped_at') }} as scraped_us,
        event_date as scraped_date,
        max({{ epoch_us('counters_created_at') }}) as created_us,
        max({{ whole('requests_running', 1000) }}) as running_milli,
        max({{ whole('requests_waiting', 1000) }}) as waiting_milli,
        max({{ whole('requests_deferred', 1000) }}) as deferred_milli,
        max({{ whole('kv_cache_usage_ratio', 1000000) }}) as kv_ppm,
        max({{ whole('kv_cache_blocks * kv_block_tokens') }}) as kv_capacity_tokens,
        {% for counter in counters -%}
        max({{ whole(engine_counter(counter)) }}) as {{ counter }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('stg_lake__engine_samples') }}
    where {{ is_restated('event_date', 'engine_samples') }}
    group by lower(instance), engine_index, model_name, {{ epoch_us('scraped_at') }}, event_date
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
-- A replica whose GPUs changed has several validities; a scrape counts once (E5).
qualify row_number() over (
    partition by scrapes.instance, scrapes.engine_index, scrapes.model_name, scrapes.scraped_us
    order by endpoints.valid_from_us desc, endpoints.replica_id asc
) = 1
