-- What a bill may call a server or a GPU of ours beside the server's id: hostname, UUID, or a place in a server
-- (`host/3`, `host/gpu3`), in small letters and with slashes. A host that is replaced leaves its name to the next
-- one: each has it until the next one does, the first one from ever.
{% set name = "replace(lower({}), ':', '/')" %}
with
servers as (
    select * from {{ ref('int_fleet__servers') }}
),

gpus as (
    select * from {{ ref('int_fleet__gpus') }}
),

hosts as (
    select
        {{ name.format('hostname') }} as host_name,
        server_id,
        case
            when row_number() over (
                partition by {{ name.format('hostname') }} order by valid_from_us asc, server_id desc
            ) > 1 then valid_from_us
            else -{{ forever_us() }}
        end as named_from_us,
        coalesce(
            lead(valid_from_us) over (
                partition by {{ name.format('hostname') }} order by valid_from_us asc, server_id desc
            ),
            {{ forever_us() }}
        ) as named_to_us
    from servers
    where hostname is not null
),

named as (
    select
        1 as place,
        host_name as resource_name,
        server_id,
        cast(null as string) as gpu_uuid,
        named_from_us,
        named_to_us
    from hosts
    union all
    select
        2 as place, {{ name.format('gpu_uuid') }}, min(server_id), min(gpu_uuid),
        -{{ forever_us() }}, {{ forever_us() }}
    from gpus
    group by {{ name.format('gpu_uuid') }}
    {% for word in ['', 'gpu'] -%}
    union all
    select
        3 as place, {{ name.format('server_id') }} || '/{{ word }}' || cast(gpu_index as string), min(server_id),
        min(gpu_uuid), -{{ forever_us() }}, {{ forever_us() }}
    from gpus
    group by {{ name.format('server_id') }}, gpu_index
    union all
    select
        4 as place, hosts.host_name || '/{{ word }}' || cast(gpus.gpu_index as string), hosts.server_id,
        min(gpus.gpu_uuid), hosts.named_from_us, hosts.named_to_us
    from hosts
    inner join gpus on hosts.server_id = gpus.server_id
    group by hosts.host_name, gpus.gpu_index, hosts.server_id, hosts.named_from_us, hosts.named_to_us
    {% endfor %}
),

ranked as (
    select
        *,
        rank() over (partition by resource_name order by place asc) as choice
    from named
)

-- A name that means several things means the first of them.
select resource_name, server_id, gpu_uuid, named_from_us, named_to_us
from ranked
where choice = 1
