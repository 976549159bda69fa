with
gpus as (
    select * from {{ ref('stg_lake__fleet_gpus') }}
    qualify row_number() over (
        partition by gpu_uuid
        order by valid_from desc, source_file desc, source_digest desc, source_line desc
    ) = 1
),

servers as (
    select * from {{ ref('int_fleet__servers') }}
)

select
    gpus.gpu_uuid,
    gpus.gpu_index,
    gpus.server_id,
    servers.hostname,
    servers.site_id,
    greatest({{ epoch_us('gpus.valid_from') }}, servers.valid_from_us) as valid_from_us,
    least(
        coalesce({{ epoch_us('gpus.valid_to') }}, {{ forever_us() }}), servers.valid_to_us
    ) as valid_to_us
from gpus
inner join servers on gpus.server_id = servers.server_id
