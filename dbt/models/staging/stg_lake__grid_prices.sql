select
    zone,
    market,
    price_basis,
    interval_start,
    interval_seconds,
    price_per_kwh,
    currency,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'grid_prices') }}
