select
    deployment_id,
    provider,
    model,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_alternatives') }}
