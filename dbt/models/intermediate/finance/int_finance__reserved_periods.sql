-- Who reserved a deployment in a period, in thousandths of a GPU × seconds: a row per tenant, and one
-- without a tenant for what the deployment held and nobody reserved.
with
held as (
    select
        hours.deployment_id,
        hours.hour_index,
        dates.period,
        {{ int_div('hours.assigned_us', '1000') }} as milligpu_seconds
    from {{ ref('int_deployments__hours') }} as hours
    inner join {{ ref('int_finance__period_dates') }} as dates on hours.event_date = dates.event_date
),

reservations as (
    select
        tenant_id,
        deployment_id,
        {{ whole('gpu_count', 1000) }} as milligpus,
        {{ epoch_us('valid_from') }} as from_us,
        coalesce({{ epoch_us('valid_to') }}, {{ forever_us() }}) as to_us
    from {{ ref('stg_lake__fleet_reservations') }}
    qualify row_number() over (
        partition by tenant_id, deployment_id, valid_from
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

reserved as (
    select
        held.period,
        held.deployment_id,
        reservations.tenant_id,
        sum(
            cast(reservations.milligpus as {{ big_integer() }}) * {{ int_div(
                clipped_to('reservations.to_us', 'held.hour_index') ~ ' - '
                ~ clipped_from('reservations.from_us', 'held.hour_index'), '1000000'
            ) }}
        ) as weight
    from held
    inner join reservations
        on
            held.deployment_id = reservations.deployment_id
            and reservations.from_us < (held.hour_index + 1) * {{ hour_us() }}
            and reservations.to_us > held.hour_index * {{ hour_us() }}
    group by held.period, held.deployment_id, reservations.tenant_id
),

totals as (
    select
        period,
        deployment_id,
        sum(weight) as reserved_weight
    from reserved
    group by period, deployment_id
),

capacity as (
    select
        period,
        deployment_id,
        sum(milligpu_seconds) as held_weight
    from held
    group by period, deployment_id
)

select
    period,
    deployment_id,
    'tenant' as line_kind,
    tenant_id,
    weight
from reserved
where weight > 0
union all
select
    capacity.period,
    capacity.deployment_id,
    'platform' as line_kind,
    cast(null as string) as tenant_id,
    capacity.held_weight - totals.reserved_weight as weight
from capacity
inner join totals on capacity.period = totals.period and capacity.deployment_id = totals.deployment_id
where capacity.held_weight > totals.reserved_weight
