select
    zone,
    interval_start,
    interval_seconds,
    carbon_grams_per_kwh,
    price_per_kwh,
    currency,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'grid_intensity') }}
