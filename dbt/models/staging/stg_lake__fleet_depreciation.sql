select
    server_id,
    first_month,
    month_count,
    amount,
    residual_value,
    capital,
    valid_from,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_depreciation') }}
