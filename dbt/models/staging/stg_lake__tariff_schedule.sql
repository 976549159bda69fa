select
    tariff_id,
    component,
    month,
    day_type,
    hour,
    period,
    ratchet_ratio,
    valid_from,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'tariff_schedule') }}
