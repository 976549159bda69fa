select
    tier,
    rank,
    slo_ttft_seconds,
    slo_tpot_seconds,
    slo_e2e_seconds,
    deferrable_hours,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_tiers') }}
