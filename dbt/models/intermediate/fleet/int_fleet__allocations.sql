-- How each deployment's cost is split, and since when: the first entry also holds before its date.
with
entries as (
    select * from {{ ref('stg_lake__fleet_allocations') }}
    qualify row_number() over (
        partition by deployment_id, valid_from
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

deployments as (
    select deployment_id from {{ ref('int_fleet__deployments') }}
),

dated as (
    select
        deployments.deployment_id,
        coalesce(entries.method, 'phase-weighted') as method,
        coalesce(entries.weight_source, 'auto') as weight_source,
        coalesce(entries.headroom, 'measure') as headroom,
        {{ epoch_us('entries.valid_from') }} as stated_from_us,
        lag({{ epoch_us('entries.valid_from') }}) over (
            partition by deployments.deployment_id order by entries.valid_from asc nulls first
        ) as previous_from_us,
        lead({{ epoch_us('entries.valid_from') }}) over (
            partition by deployments.deployment_id order by entries.valid_from asc nulls first
        ) as next_from_us
    from deployments
    left join entries on deployments.deployment_id = entries.deployment_id
)

select
    deployment_id,
    method,
    weight_source,
    headroom,
    case when previous_from_us is null then 0 else stated_from_us end as valid_from_us,
    coalesce(next_from_us, {{ forever_us() }}) as valid_to_us
from dated
