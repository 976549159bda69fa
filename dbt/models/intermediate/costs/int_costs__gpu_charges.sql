-- Charges that name a GPU, a slice of one, or a place in a server of ours, per bill: what they come to, and what of it
-- the fleet knows and its GPUs bear. What names a GPU that no fleet knows stays where it would be without.
{{ config(materialized='view') }}
with
charges as (
    select
        lines.bill_id,
        lines.currency,
        lines.period_from_us,
        lines.amount,
        lines.gpu_uuid is not null as is_placed,
        lines.scope,
        replace(lower(facts.resource_id), ':', '/') as resource_name
    from {{ ref('int_costs__lines') }} as lines
    inner join {{ ref('int_costs__billed_facts') }} as facts on lines.line_key = facts.line_key
    where lines.cost_source = 'charges' and facts.resource_id is not null
),

servers as (
    select distinct split_part(resource_name, '/', 1) as server_name
    from {{ ref('int_fleet__resources') }}
    where gpu_uuid is not null and resource_name like '%/%'
)

select
    charges.bill_id,
    charges.currency,
    min({{ timestamp_of_us('charges.period_from_us') }}) as period_start,
    cast(sum(charges.amount) as decimal(38,12)) as named_amount,
    cast(sum(case when charges.is_placed then charges.amount else 0 end) as decimal(38,12)) as placed_amount
from charges
left join servers
    on charges.resource_name like '%/%' and split_part(charges.resource_name, '/', 1) = servers.server_name
where
    charges.is_placed
    or (
        charges.scope = 'none'
        and (
            charges.resource_name like 'gpu-%' or charges.resource_name like 'mig-%'
            or servers.server_name is not null
        )
    )
group by charges.bill_id, charges.currency
