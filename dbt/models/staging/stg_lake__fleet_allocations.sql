select
    deployment_id,
    method,
    weight_source,
    headroom,
    valid_from,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_allocations') }}
