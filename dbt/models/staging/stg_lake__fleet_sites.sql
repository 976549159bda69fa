select
    site_id,
    region,
    time_zone,
    pue_ratio,
    facility_meter_id,
    it_meter_id,
    tariff_id,
    grid_zone,
    currency,
    operator_name,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_sites') }}
