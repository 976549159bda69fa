select
    gpu_uuid,
    server_id,
    gpu_index,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_gpus') }}
