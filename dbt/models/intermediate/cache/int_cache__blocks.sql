-- Blocks of prompts whose prefix is hashed: whether each was found in the deployment's cache, and which tenant
-- had computed it last before.
{{ config(
    materialized='table'
) }}
with
attempts as (
    select
        emitter,
        request_id,
        started_date,
        started_us,
        deployment_id,
        coalesce(tenant_id, '(unknown)') as tenant_id,
        prefix_block_hashes,
        prefix_block_tokens,
        -- What is cached is a prefix: the leading blocks.
        {{ int_div('least(input_cache_read_tokens, input_total_tokens)', 'prefix_block_tokens') }} as hit_blocks
    from {{ ref('int_requests__measured') }}
    where
        is_engine_work
        and prefix_block_tokens > 0
        and {{ list_len('prefix_block_hashes') }} > 0
        and input_cache_read_tokens is not null
        and input_total_tokens is not null
),

blocks as (
    select
        emitter,
        request_id,
        started_date,
        started_us,
        deployment_id,
        tenant_id,
        prefix_block_hashes,
        prefix_block_tokens,
        hit_blocks,
        {{ explode_range('1', list_len('prefix_block_hashes')) }} as position
    from attempts
),

found as (
    select
        emitter,
        request_id,
        started_date,
        started_us,
        deployment_id,
        tenant_id,
        prefix_block_tokens,
        {{ list_item('prefix_block_hashes', 'position') }} as block_hash,
        position <= hit_blocks as is_hit
    from blocks
)

select
    started_date,
    deployment_id,
    tenant_id,
    prefix_block_tokens,
    is_hit,
    {{ last_known(
        'case when not is_hit then tenant_id end',
        'partition by deployment_id, block_hash order by started_us asc, emitter asc, request_id asc'
        ~ ' rows between unbounded preceding and 1 preceding'
    ) }} as filled_by
from found
