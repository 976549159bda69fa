-- Names under which a replica is known to gateways and scrapers, its endpoint and its id, and when. At any
-- time a name means one replica: the one that has held it for the shortest time.
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
    union
    select
        lower(replica_id) as endpoint_name,
        replica_id,
        deployment_id,
        valid_from_us,
        valid_to_us
    from {{ ref('int_fleet__replica_gpus') }}
),

moments as (
    select endpoint_name, valid_from_us as at_us from named
    union
    select endpoint_name, valid_to_us as at_us from named
),

periods as (
    select
        endpoint_name,
        at_us as from_us,
        lead(at_us) over (partition by endpoint_name order by at_us asc) as to_us
    from moments
)

select
    named.endpoint_name,
    named.replica_id,
    named.deployment_id,
    periods.from_us as valid_from_us,
    periods.to_us as valid_to_us
from named
inner join periods
    on
        named.endpoint_name = periods.endpoint_name
        and named.valid_from_us <= periods.from_us
        and named.valid_to_us >= periods.to_us
qualify row_number() over (
    partition by periods.endpoint_name, periods.from_us
    order by named.valid_from_us desc, named.replica_id asc, named.deployment_id asc
) = 1
