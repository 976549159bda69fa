select
    site_id,
    instrument,
    covered_ratio,
    carbon_grams_per_kwh,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_energy_contracts') }}
