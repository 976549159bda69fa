-- List prices of the attempts whose deployment is, or was, split by price: what they weigh.
select
    emitter,
    request_id,
    input_units,
    cache_read_units,
    output_units
from {{ ref('int_costs__request_list') }}
where
    deployment_id in (
        select deployment_id from {{ ref('int_fleet__allocations') }} where method = 'price-weighted'
    )
