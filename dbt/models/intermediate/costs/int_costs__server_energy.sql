-- Electricity of each server and UTC hour: its part of the site's, by the energy of its GPUs, or by their
-- time in an hour in which one of the site's was not measured.
{{ config(materialized='view') }}
with
costs as (
    select scope_id as site_id, hour_index, currency, sum(hour_units) as hour_units
    from {{ ref('int_costs__line_hours') }}
    where scope = 'site' and is_direct and not is_unexplained
    group by scope_id, hour_index, currency
),

servers as (
    select
        paid.site_id,
        paid.server_id,
        paid.hour_index,
        sum(cast(paid.paid_us as {{ big_integer() }})) as paid_us,
        {{ known_sum('energy.energy_mj') }} as energy_mj
    from {{ ref('int_gpu__paid_hours') }} as paid
    left join {{ ref('int_gpu__measured_hours') }} as energy
        on paid.gpu_uuid = energy.gpu_uuid and paid.hour_index = energy.hour_index
    -- Most fleets rent by the GPU and have no such hours.
    where (paid.site_id, paid.hour_index) in (select site_id, hour_index from costs)
    group by paid.site_id, paid.server_id, paid.hour_index
),

weighed as (
    select
        site_id,
        server_id,
        hour_index,
        case
            when
                count(energy_mj) over (partition by site_id, hour_index)
                = count(*) over (partition by site_id, hour_index)
                and sum(energy_mj) over (partition by site_id, hour_index) > 0
                then cast(energy_mj as {{ big_integer() }})
            else paid_us
        end as weight
    from servers
),

joined as (
    select
        weighed.*,
        costs.currency,
        costs.hour_units
    from costs
    inner join weighed on costs.site_id = weighed.site_id and costs.hour_index = weighed.hour_index
),

allocated as (
    {{ allocate(
        'joined', ['site_id', 'hour_index', 'currency'], 'weight', ['server_id'], {'cost_units': 'hour_units'}
    ) }}
)

select server_id, hour_index, currency, cost_units
from allocated
