-- Requests of a deployment per UTC hour: counted where they arrive, tokens and service where they fall.
with
arrivals as (
    select
        deployment_id,
        hour_index,
        cast(sum(request_count) as bigint) as request_count,
        cast(sum(success_count) as bigint) as success_count,
        cast(sum(relative_count) as bigint) as relative_count
    from {{ ref('int_requests__arrivals') }}
    where deployment_id is not null
    group by deployment_id, hour_index
),

tokens as (
    select
        deployment_id,
        hour_index,
        {% for kind in ['input', 'output'] -%}
        cast(sum(case when is_served then {{ kind }}_total_tokens end) as bigint) as {{ kind }}_served_tokens,
        {% endfor -%}
        cast(sum(input_total_tokens) as bigint) as input_total_tokens,
        cast(sum(input_cache_read_tokens) as bigint) as input_cache_read_tokens,
        cast(sum(output_total_tokens) as bigint) as output_total_tokens,
        cast(sum(service_us) as bigint) as service_us,
        cast(sum(computed_tokens) as bigint) as computed_tokens,
        cast(sum(cached_tokens) as bigint) as cached_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens
    from {{ ref('int_requests__hour_groups') }}
    group by deployment_id, hour_index
)

select
    coalesce(arrivals.deployment_id, tokens.deployment_id) as deployment_id,
    coalesce(arrivals.hour_index, tokens.hour_index) as hour_index,
    coalesce(arrivals.request_count, 0) as request_count,
    coalesce(arrivals.success_count, 0) as success_count,
    coalesce(arrivals.relative_count, 0) as relative_count,
    tokens.input_served_tokens,
    tokens.output_served_tokens,
    tokens.input_total_tokens,
    tokens.input_cache_read_tokens,
    tokens.output_total_tokens,
    coalesce(tokens.service_us, 0) as service_us,
    coalesce(tokens.computed_tokens, 0) as computed_tokens,
    coalesce(tokens.cached_tokens, 0) as cached_tokens,
    coalesce(tokens.output_tokens, 0) as output_tokens
from arrivals
full outer join tokens
    on arrivals.deployment_id = tokens.deployment_id and arrivals.hour_index = tokens.hour_index
