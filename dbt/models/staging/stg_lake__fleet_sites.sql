select
    site_id,
    region,
    time_zone,
    pue_ratio,
    facility_meter_id,
    grid_zone,
    currency,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_sites') }}
