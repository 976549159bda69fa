-- What attempts found in the cache per date, deployment, tenant and model, and of how many the blocks are known.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
select
    started_date,
    deployment_id,
    coalesce(tenant_id, '(unknown)') as tenant_id,
    coalesce(model, '(unknown)') as model,
    count(*) as request_count,
    count(case when prefix_block_tokens > 0 and {{ list_len('prefix_block_hashes') }} > 0 then 1 end)
        as hashed_count,
    cast(sum(case when input_cache_read_tokens is not null then input_total_tokens end) as bigint)
        as input_total_tokens,
    cast(sum(input_cache_read_tokens) as bigint) as hit_tokens
from {{ ref('int_requests__measured') }}
where is_engine_work and {{ is_restated('started_date', 'int_requests__restated_dates') }}
group by 1, 2, 3, 4
