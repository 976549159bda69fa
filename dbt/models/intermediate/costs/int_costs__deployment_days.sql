-- Direct cost of each deployment and day, and its part of what nobody caused alone: overhead and
-- unallocated GPUs of a site over that site's deployments, the rest over all, by direct cost.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date', 'int_costs__restated_dates') }}"
) }}
with
entries as (
    select
        *,
        deployment_id is null and cause <> 'unobserved' as is_shared
    from {{ ref('int_costs__entries') }}
    where {{ is_restated('event_date', 'int_costs__restated_dates') }}
),

direct as (
    select
        entries.event_date,
        entries.deployment_id,
        max(deployments.site_id) as site_id,
        {{ known_sum('entries.usd_units', "entries.category in ('served', 'waste')") }} as active_units,
        {{ known_sum('entries.usd_units', "entries.category = 'idle'") }} as idle_units,
        {{ known_sum('entries.usd_units', "entries.category = 'unattributed'") }} as unattributed_units
    from entries
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on entries.deployment_id = deployments.deployment_id
    group by entries.event_date, entries.deployment_id
),

pools as (
    select
        shared.event_date,
        sites.site_id,
        shared.site_id as pool_site_id,
        {{ known_sum('shared.usd_units') }} as pool_units
    from entries as shared
    left join (select distinct event_date, site_id from direct) as sites
        on shared.event_date = sites.event_date and shared.site_id = sites.site_id
    where shared.is_shared
    group by shared.event_date, sites.site_id, shared.site_id
),

joined as (
    select
        pools.event_date,
        pools.pool_site_id,
        -- Where the cost of one of them is unknown, so is everyone's part.
        case
            when count(
                case
                    when direct.deployment_id is not null
                        and direct.active_units + direct.idle_units + direct.unattributed_units is null then 1
                end
            ) over (partition by pools.event_date, pools.pool_site_id) = 0 then pools.pool_units
        end as pool_units,
        direct.deployment_id,
        -- One unit more, so that a day of free deployments still spreads.
        greatest(0, coalesce(direct.active_units + direct.idle_units + direct.unattributed_units, 0)) + 1
            as weight
    from pools
    left join direct
        on
            pools.event_date = direct.event_date
            and coalesce(pools.site_id, direct.site_id) = direct.site_id
),

spread as (
    {{ allocate(
        'joined', ['event_date', 'pool_site_id'], 'weight', ['deployment_id asc nulls first'],
        {'shared_units': 'pool_units'}
    ) }}
),

shares as (
    select
        event_date,
        deployment_id,
        {{ known_sum('shared_units') }} as shared_units
    from spread
    group by event_date, deployment_id
),

unobserved as (
    select
        event_date,
        {{ known_sum('usd_units') }} as idle_units
    from entries
    where cause = 'unobserved'
    group by event_date
)

select
    direct.event_date,
    direct.deployment_id,
    direct.active_units,
    direct.idle_units,
    direct.unattributed_units + case when shares.event_date is null then 0 else shares.shared_units end
        as overhead_units
from direct
left join shares
    on direct.event_date = shares.event_date and direct.deployment_id = shares.deployment_id
union all
select event_date, cast(null as string), 0, 0, shared_units
from shares
where deployment_id is null
union all
select event_date, cast(null as string), 0, idle_units, 0
from unobserved
