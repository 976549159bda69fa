-- Energy of an attempt (its share of the busy energy) and its marginal cost: its share of what the
-- energy above idle costs at the hour's electricity price.
with
hours as (
    select emitter, request_id, hour_index, deployment_id, weight
    from {{ ref('int_requests__hours') }}
    where weight > 0
),

electricity as (
    select
        deployment_id,
        hour_index,
        {{ known_sum('usd_units') }} as electricity_units
    from {{ ref('int_costs__entries') }}
    where component = 'electricity' and deployment_id is not null
    group by deployment_id, hour_index
),

energy as (
    -- A deployment of one site has one row an hour; were there more, they would add up.
    select
        deployment_id,
        hour_index,
        cast(sum(energy_mj) as bigint) as energy_mj,
        cast(sum(busy_mj) as bigint) as busy_mj,
        cast(sum(above_idle_mj) as bigint) as above_idle_mj,
        cast(sum(facility_busy_mj) as bigint) as facility_busy_mj
    from {{ ref('int_energy__deployment_hours') }}
    group by deployment_id, hour_index
),

pools as (
    select
        energy.*,
        {{ int_div(
            at_least_zero('electricity.electricity_units') ~ ' * energy.above_idle_mj',
            'nullif(energy.energy_mj, 0)'
        ) }} as marginal_units
    from energy
    left join electricity
        on
            energy.deployment_id = electricity.deployment_id
            and energy.hour_index = electricity.hour_index
),

joined as (
    select
        hours.*,
        pools.busy_mj,
        pools.facility_busy_mj,
        pools.marginal_units
    from hours
    inner join pools
        on hours.deployment_id = pools.deployment_id and hours.hour_index = pools.hour_index
),

allocated as (
    {{ allocate(
        'joined', ['deployment_id', 'hour_index'], 'weight', ['emitter', 'request_id'],
        {
            'busy_share_mj': 'busy_mj',
            'facility_share_mj': 'facility_busy_mj',
            'marginal_share': 'marginal_units',
        }
    ) }}
)

select
    emitter,
    request_id,
    sum(busy_share_mj) as busy_mj,
    sum(facility_share_mj) as facility_busy_mj,
    sum(marginal_share) as marginal_units
from allocated
group by emitter, request_id
