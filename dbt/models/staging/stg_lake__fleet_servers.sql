select
    server_id,
    site_id,
    hostname,
    gpu_model,
    gpu_count,
    ownership,
    purchase_price,
    residual_value,
    useful_life_months,
    currency,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_servers') }}
