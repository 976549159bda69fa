-- What each group weighs in each pool of its deployment (E11): all of its work where replicas do both
-- phases, its input in a prefill pool, its output in a decode pool. Groups stand in one order; `before` is
-- what those ahead of a group weigh, within its part of the ledger, its hour and its day.
{% set part = 'deployment_id, hour_index, pool, tenant_id, category, cause' %}
{% set order = 'pool asc, tenant_id asc nulls first, category asc, cause asc nulls first' %}
{% set last = 'started_date asc, is_split asc, has_classes asc' %}
{% set ahead = 'rows between unbounded preceding and 1 preceding' %}
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
),

weighed as (
    select
        *,
        prefill_part + cache_read_part + decode_part as weight
    from pooled
    where prefill_part + cache_read_part + decode_part > 0
)

select
    *,
    sum(weight) over (partition by {{ part }}) as part_weight,
    sum(weight) over (partition by deployment_id, hour_index) as hour_weight,
    sum(weight) over (partition by started_date, deployment_id) as day_weight,
    coalesce(sum(weight) over (partition by {{ part }} order by {{ last }} {{ ahead }}), 0)
        as part_before,
    coalesce(sum(weight) over (
        partition by deployment_id, hour_index order by {{ order }}, {{ last }} {{ ahead }}
    ), 0) as hour_before,
    coalesce(sum(weight) over (
        partition by started_date, deployment_id
        order by hour_index asc, {{ order }}, is_split asc, has_classes asc {{ ahead }}
    ), 0) as day_before
from weighed
