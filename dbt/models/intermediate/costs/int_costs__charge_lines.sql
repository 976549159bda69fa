-- FOCUS rows as charge lines: EffectiveCost, what it is for, and which server or site it is for.
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

-- A host that is replaced leaves its name to the next one: each has it until the next one does, the first one from
-- ever.
hostnames as (
    select
        lower(hostname) as hostname,
        server_id,
        case
            when row_number() over (
                partition by lower(hostname) order by valid_from_us asc, server_id desc
            ) > 1 then valid_from_us
            else -{{ forever_us() }}
        end as named_from_us,
        coalesce(
            lead(valid_from_us) over (partition by lower(hostname) order by valid_from_us asc, server_id desc),
            {{ forever_us() }}
        ) as named_to_us
    from servers
    where hostname is not null
),

placed as (
    select
        charges.*,
        coalesce(servers.server_id, hostnames.server_id) as server_id,
        sites.site_id as named_site_id,
        coalesce(
            (
                ' ' || lower(charges.charge_description) || ' ' like '% core %'
                or ' ' || lower(charges.charge_description) || ' ' like '% ram %'
                or ' ' || lower(charges.charge_description) || ' ' like '% memory %'
                or ' ' || lower(charges.charge_description) || ' ' like '% cpu %'
                or lower(charges.charge_description) like '%vcpu%'
            ) and lower(charges.charge_description) not like '%gpu%', false
        ) as is_host
    from charges
    left join servers on charges.resource_id = servers.server_id
    left join hostnames
        on
            lower(charges.resource_id) = hostnames.hostname
            and {{ middle_us(epoch_us('charges.charge_period_start'), epoch_us('charges.charge_period_end')) }}
            between hostnames.named_from_us and hostnames.named_to_us - 1
    left join sites on charges.resource_id = sites.site_id
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
    cast(null as string) as accrual_method
from placed
left join servers as host on placed.server_id = host.server_id
