select
    zone,
    method,
    interval_start,
    interval_seconds,
    carbon_grams_per_kwh,
    emission_scope,
    carbon_free_ratio,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'grid_intensity') }}
