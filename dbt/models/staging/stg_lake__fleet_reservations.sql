select
    tenant_id,
    deployment_id,
    gpu_count,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_reservations') }}
