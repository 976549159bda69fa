-- Ledger of a deployment per UTC hour, in US dollars.
select
    deployment_id,
    hour_index,
    {{ known_sum('usd_units', "category = 'served'") }} as served_units,
    {{ known_sum('usd_units', "category = 'idle'") }} as idle_units,
    {{ known_sum('usd_units', "category = 'waste'") }} as waste_units
from {{ ref('int_costs__entries') }}
where deployment_id is not null
group by deployment_id, hour_index
