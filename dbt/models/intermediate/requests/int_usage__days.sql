-- Tokens per provider, model and UTC day as the provider or gateway counted them, beside those of the
-- requests that we know. Reports over several groups count the same usage: one of them is taken.
{% set key = [
    'emitter', 'operation', 'grouped_by', 'bucket_start', 'bucket_seconds', 'project_id',
    'user_pseudonym', 'api_key_pseudonym', 'tenant_id', 'team_id', 'tag', 'provider', 'model',
    'model_group', 'service_tier', 'is_batch', 'context_window', 'region',
] %}
with
buckets as (
    select
        *,
        event_date as usage_date
    from {{ ref('stg_lake__usage_buckets') }}
    where
        operation = 'chat' and model is not null
        and bucket_seconds <= 86400
        and cast({{ timestamp_of_us(epoch_us('bucket_start') ~ ' + bucket_seconds * 1000000 - 1') }} as date)
        = event_date
    -- A report that was fetched again replaces what it said before.
    qualify row_number() over (
        partition by {{ key | join(', ') }}
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

chosen as (
    select *
    from buckets
    qualify dense_rank() over (
        partition by emitter, usage_date order by grouped_by asc, bucket_seconds asc
    ) = 1
),

counted as (
    select
        emitter,
        usage_date,
        provider,
        model,
        {{ known_sum('input_total_tokens') }} as counted_input,
        {{ known_sum('output_total_tokens') }} as counted_output
    from chosen
    group by emitter, usage_date, provider, model
),

logged as (
    select
        started_date,
        provider,
        coalesce(model_served, model) as model,
        cast(sum(input_total_tokens) as bigint) as logged_input,
        cast(sum(output_total_tokens) as bigint) as logged_output
    from {{ ref('int_requests__arrivals') }}
    where not is_gateway_cache_hit
    group by started_date, provider, coalesce(model_served, model)
)

select
    counted.emitter,
    counted.usage_date,
    counted.provider,
    counted.model,
    cast(counted.counted_input as bigint) as counted_input,
    cast(counted.counted_output as bigint) as counted_output,
    coalesce(logged.logged_input, 0) as logged_input,
    coalesce(logged.logged_output, 0) as logged_output
from counted
left join logged
    on
        counted.usage_date = logged.started_date
        and counted.model = logged.model
        and counted.provider is not distinct from logged.provider
