-- What each group weighs in each pool of its deployment (E11): all of its work where replicas do both
-- phases, its input in a prefill pool, its output in a decode pool.
{{ config(materialized='view') }}
with
pooled as (
    select
        {{ all_but(['is_served', 'prefill_part', 'cache_read_part', 'decode_part'], 'groups') }},
        case when groups.is_served then 'served' else 'waste' end as category,
        pools.pool,
        pools.counts_input,
        pools.counts_output,
        case when pools.pool = 'decode' then 0 else groups.prefill_part end as prefill_part,
        case when pools.pool = 'decode' then 0 else groups.cache_read_part end as cache_read_part,
        case when pools.pool = 'prefill' then 0 else groups.decode_part end as decode_part
    from {{ ref('int_allocation__groups') }} as groups
    inner join {{ ref('int_allocation__pools') }} as pools
        on groups.deployment_id = pools.deployment_id and groups.hour_index = pools.hour_index
)

select
    *,
    prefill_part + cache_read_part + decode_part as weight
from pooled
where prefill_part + cache_read_part + decode_part > 0
