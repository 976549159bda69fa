-- FOCUS rows as charge lines: EffectiveCost, what it is for, and which server, GPU or site it is for.
with
charges as (
    select * from {{ ref('stg_lake__charges') }}
    qualify row_number() over (
        partition by source_digest, source_line order by source_file asc
    ) = 1
),

servers as (
    select * from {{ ref('int_fleet__servers') }}
),

sites as (
    select * from {{ ref('int_fleet__sites') }}
),

resources as (
    select * from {{ ref('int_fleet__resources') }}
),

-- A slice of a GPU bears the name of its board: `MIG-GPU-<uuid>/1/0`, `GPU-<uuid>/3`.
named as (
    select
        *,
        replace(lower(resource_id), ':', '/') as called,
        case
            when lower(resource_id) like 'gpu-%' then split_part(replace(lower(resource_id), ':', '/'), '/', 1)
            when lower(resource_id) like 'mig-gpu-%'
                then split_part(replace(substr(lower(resource_id), 5), ':', '/'), '/', 1)
        end as board_name,
        {{ middle_us(epoch_us('charge_period_start'), epoch_us('charge_period_end')) }} as middle_us
    from charges
),

placed as (
    select
        named.*,
        coalesce(servers.server_id, resources.server_id, boards.server_id) as server_id,
        case
            when servers.server_id is not null then cast(null as string)
            when resources.server_id is not null then resources.gpu_uuid
            else boards.gpu_uuid
        end as gpu_uuid,
        sites.site_id as named_site_id,
        coalesce(
            (
                ' ' || lower(named.charge_description) || ' ' like '% core %'
                or ' ' || lower(named.charge_description) || ' ' like '% ram %'
                or ' ' || lower(named.charge_description) || ' ' like '% memory %'
                or ' ' || lower(named.charge_description) || ' ' like '% cpu %'
                or lower(named.charge_description) like '%vcpu%'
            ) and lower(named.charge_description) not like '%gpu%', false
        ) as is_host
    from named
    left join servers on named.resource_id = servers.server_id
    left join resources
        on
            named.called = resources.resource_name
            and named.middle_us between resources.named_from_us and resources.named_to_us - 1
    left join resources as boards
        on
            boards.gpu_uuid is not null
            and named.board_name = boards.resource_name
            and named.middle_us between boards.named_from_us and boards.named_to_us - 1
    left join sites on named.resource_id = sites.site_id
)

select
    coalesce(
        placed.invoice_id,
        'unbilled ' || placed.billing_account_id || ' '
        || {{ year_month('placed.billing_period_start') }}
    ) as bill_id,
    placed.source_digest || ':' || cast(placed.source_line as string) as charge_line_id,
    'charges' as cost_source,
    case
        when placed.service_category = 'Networking' then 'network'
        when placed.service_category = 'Storage' then 'storage'
        when placed.service_category in (
            'Analytics', 'Business Applications', 'Databases', 'Developer Tools', 'Identity',
            'Integration', 'Management and Governance', 'Security'
        ) then 'software'
        when placed.server_id is not null and placed.is_host then 'host'
        when placed.server_id is not null then 'accelerator'
        -- Rent of space and power capacity: what the facility costs beside its electricity.
        when placed.named_site_id is not null then 'cooling'
        -- What names no server of ours is a service that was bought, not an accelerator.
        when placed.service_category = 'AI and Machine Learning' then 'software'
        else 'other'
    end as component,
    case
        when placed.server_id is not null then 'server'
        -- Committed to and used by nobody.
        when 'Unused' in (placed.commitment_discount_status, placed.capacity_reservation_status) then 'unused'
        when placed.named_site_id is not null then 'site'
        else 'none'
    end as scope,
    coalesce(placed.server_id, placed.named_site_id) as scope_id,
    placed.gpu_uuid,
    coalesce(host.site_id, placed.named_site_id) as site_id,
    placed.region_id as stated_region,
    placed.billing_currency as currency,
    {{ epoch_us('placed.charge_period_start') }} as period_from_us,
    {{ epoch_us('placed.charge_period_end') }} as period_to_us,
    placed.effective_cost as amount,
    cast(null as string) as meter_id,
    cast(null as string) as bill_kind,
    cast(null as bigint) as billed_nkwh,
    placed.billed_cost as billed_amount,
    cast(null as string) as accrual_method,
    coalesce(placed.charge_frequency = 'One-Time', false) as is_one_time
from placed
left join servers as host on placed.server_id = host.server_id
