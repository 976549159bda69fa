select
    tenant_id,
    model,
    input_price,
    cache_read_price,
    output_price,
    currency,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_contract_prices') }}
