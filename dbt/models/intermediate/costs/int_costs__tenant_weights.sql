-- What each tenant's requests weigh in a pool of a deployment's hour, served and wasted apart. Of what was
-- served, the part of the prefill that was done again after a preemption and the part of the decode that
-- verified rejected drafts are waste. Of the dates whose ledger is made again only.
{{ config(materialized='view') }}
with
groups as (
    select
        deployment_id,
        hour_index,
        pool,
        tenant_id,
        category,
        cause,
        max(label) as label,
        sum(prefill_part) as prefill_part,
        sum(decode_part) as decode_part,
        sum(weight) as weight
    from {{ ref('int_allocation__pool_groups') }}
    where {{ is_hour_made_again('hour_index', 'int_costs__restated_dates') }}
    group by deployment_id, hour_index, pool, tenant_id, category, cause
),

carved as (
    select
        groups.*,
        case when groups.category = 'served' then coalesce({{ int_div(
            'groups.prefill_part * shares.recomputed_ppm', '1000000'
        ) }}, 0) else 0 end as preempted_weight,
        case when groups.category = 'served' then coalesce({{ int_div(
            'groups.decode_part * shares.rejected_ppm', '1000000'
        ) }}, 0) else 0 end as rejected_weight
    from groups
    left join {{ ref('int_allocation__wasted_shares') }} as shares
        on groups.deployment_id = shares.deployment_id and groups.hour_index = shares.hour_index
),

split as (
    select
        deployment_id, hour_index, pool, tenant_id, label, category, cause,
        weight - preempted_weight - rejected_weight as weight
    from carved
    union all
    select deployment_id, hour_index, pool, tenant_id, label, 'waste', 'preempted', preempted_weight
    from carved
    union all
    select deployment_id, hour_index, pool, tenant_id, label, 'waste', 'rejected_drafts', rejected_weight
    from carved
)

select * from split
where weight > 0
