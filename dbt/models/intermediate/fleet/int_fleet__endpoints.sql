-- Names under which a replica is known to gateways and scrapers: its endpoint and its id.
with
named as (
    select
        endpoint as endpoint_name,
        replica_id,
        deployment_id,
        valid_from_us,
        valid_to_us
    from {{ ref('int_fleet__replica_gpus') }}
    where endpoint is not null
    union all
    select
        lower(replica_id) as endpoint_name,
        replica_id,
        deployment_id,
        valid_from_us,
        valid_to_us
    from {{ ref('int_fleet__replica_gpus') }}
)

select
    endpoint_name,
    replica_id,
    deployment_id,
    valid_from_us,
    max(valid_to_us) as valid_to_us
from named
where valid_from_us < valid_to_us
group by endpoint_name, replica_id, deployment_id, valid_from_us
qualify row_number() over (
    partition by endpoint_name, valid_from_us order by replica_id, deployment_id
) = 1
