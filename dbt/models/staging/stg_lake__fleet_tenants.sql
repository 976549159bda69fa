select
    tenant_id,
    tenant_name,
    cost_centre,
    valid_from,
    valid_to,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_tenants') }}
