-- What the energy of a site's hour cost: neither demand, standing charges and taxes nor credits, none of which
-- one more kWh moves.
{{ config(materialized='view') }}
select
    site_id,
    hour_index,
    {{ known_sum('usd_units') }} as energy_units
from {{ ref('int_costs__entries') }}
where bill_kind in ('energy', 'rider')
group by site_id, hour_index
