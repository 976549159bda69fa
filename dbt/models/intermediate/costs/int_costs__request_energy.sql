-- Energy of an attempt (its share of the busy energy) and its marginal cost: its share of the energy
-- above idle, with PUE, at the hour's price of energy (metrics: 5.2a).
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date') }}"
) }}
with
hours as (
    select emitter, request_id, started_date, hour_index, deployment_id, weight
    from {{ ref('int_requests__hours') }}
    where weight > 0 and {{ shares_restated_hour() }}
),

-- What one more kWh costs: neither demand, standing charges and taxes nor credits.
tariffs as (
    select
        site_id,
        hour_index,
        {{ known_sum('usd_units') }} as energy_units
    from {{ ref('int_costs__entries') }}
    where bill_kind in ('energy', 'rider')
    group by site_id, hour_index
),

priced as (
    select
        energy.*,
        -- The meter also holds what the hosts draw anyway; only cooling grows with the GPUs.
        {{ int_div(
            at_least_zero('tariffs.energy_units') ~ ' * cast(energy.above_idle_mj as ' ~ big_integer()
            ~ ') * energy.pue_ppm',
            'cast(nullif(sites.facility_mj, 0) as ' ~ big_integer() ~ ') * 1000000'
        ) }} as marginal_units
    from {{ ref('int_energy__deployment_hours') }} as energy
    left join tariffs
        on energy.site_id = tariffs.site_id and energy.hour_index = tariffs.hour_index
    left join {{ ref('int_energy__site_hours') }} as sites
        on energy.site_id = sites.site_id and energy.hour_index = sites.hour_index
),

pools as (
    -- A deployment of one site has one row an hour; were there more, they would add up.
    select
        deployment_id,
        hour_index,
        cast({{ known_sum('busy_mj') }} as bigint) as busy_mj,
        cast({{ known_sum('facility_busy_mj') }} as bigint) as facility_busy_mj,
        {{ known_sum('marginal_units') }} as marginal_units
    from priced
    group by deployment_id, hour_index
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
    started_date,
    {{ known_sum('busy_share_mj') }} as busy_mj,
    {{ known_sum('facility_share_mj') }} as facility_busy_mj,
    {{ known_sum('marginal_share') }} as marginal_units
from allocated
where {{ is_restated('started_date') }}
group by emitter, request_id, started_date
