select
    meter_id,
    flow_direction,
    interval_start,
    interval_seconds,
    energy_kwh,
    average_power_kw,
    quality,
    cost,
    currency,
    tariff_period,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'energy_readings') }}
