-- Ledger of a deployment per UTC hour, in US dollars.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_costs__restated_dates') }}"
) }}
select
    deployment_id,
    hour_index,
    {{ known_sum('usd_units', "category = 'served'") }} as served_units,
    {{ known_sum('usd_units', "category = 'idle'") }} as idle_units,
    {{ known_sum('usd_units', "category = 'waste'") }} as waste_units
from {{ ref('int_costs__entries') }}
where deployment_id is not null and {{ is_restated('event_date', 'int_costs__restated_dates') }}
group by deployment_id, hour_index
