select
    replica_id,
    deployment_id,
    gpu_uuid,
    endpoint,
    role,
    mig_profile,
    gpu_share_ratio,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_replicas') }}
