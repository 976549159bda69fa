-- Energy of a deployment's busy hour, and what its energy above idle cost: with PUE, at the hour's price of
-- energy (metrics: 5.2a).
{{ config(materialized='view') }}
with
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
    left join {{ ref('int_costs__energy_prices') }} as tariffs
        on energy.site_id = tariffs.site_id and energy.hour_index = tariffs.hour_index
    left join {{ ref('int_energy__site_hours') }} as sites
        on energy.site_id = sites.site_id and energy.hour_index = sites.hour_index
)

-- A deployment of one site has one row an hour; were there more, they would add up.
select
    deployment_id,
    hour_index,
    cast({{ known_sum('busy_mj') }} as bigint) as busy_mj,
    cast({{ known_sum('facility_busy_mj') }} as bigint) as facility_busy_mj,
    {{ known_sum('marginal_units') }} as marginal_units
from priced
group by deployment_id, hour_index
