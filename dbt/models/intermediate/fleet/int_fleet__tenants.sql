select
    tenant_id,
    tenant_name,
    cost_centre
from {{ ref('stg_lake__fleet_tenants') }}
qualify row_number() over (
    partition by tenant_id
    order by valid_from desc, source_file desc, source_digest desc, source_line desc
) = 1
