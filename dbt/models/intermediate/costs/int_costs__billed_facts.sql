-- What each charge line says of itself, in FOCUS terms: the landed row of a charge, the line of an
-- electricity bill, or the GPU-hours of an amortised server at its book rate.
{% set landed = [
    'billing_account_id', 'billing_account_name', 'billing_account_type', 'billing_period_start',
    'billing_period_end', 'charge_category', 'charge_class', 'charge_frequency',
    'list_cost', 'contracted_cost', 'list_unit_price', 'contracted_unit_price', 'pricing_quantity', 'pricing_unit', 'pricing_category',
    'invoice_id', 'provider_name', 'publisher_name', 'host_provider_name',
    'service_category', 'service_subcategory', 'service_name', 'region_id', 'region_name',
    'availability_zone', 'resource_id', 'resource_name', 'resource_type', 'sku_id', 'sku_price_id',
    'sku_meter', 'sub_account_id', 'sub_account_name', 'sub_account_type',
    'commitment_discount_id', 'commitment_discount_status', 'commitment_discount_category',
    'commitment_discount_name', 'commitment_discount_type', 'commitment_discount_quantity',
    'commitment_discount_unit', 'capacity_reservation_id', 'capacity_reservation_status', 'tags',
] %}
with
charges as (
    select * from {{ ref('stg_lake__charges') }}
    qualify row_number() over (
        partition by source_digest, source_line order by source_file asc
    ) = 1
),

bills as (
    select * from {{ ref('int_costs__issued_lines') }}
),

gpus as (
    select server_id, count(*) as gpu_count
    from {{ ref('int_fleet__gpus') }}
    group by server_id
),

servers as (
    select
        servers.server_id,
        servers.hostname,
        gpus.gpu_count,
        stretches.from_us,
        stretches.to_us,
        stretches.depreciable_units,
        stretches.whole_us
    from {{ ref('int_fleet__servers') }} as servers
    inner join gpus on servers.server_id = gpus.server_id
    inner join {{ ref('int_fleet__depreciation') }} as stretches on servers.server_id = stretches.server_id
),

priced as (
    select
        *,
        -- Book rate: what is written off over the whole life that is left, per GPU-hour of it; to 1e-6.
        cast({{ mul_div_round('depreciable_units', hour_us(), 'whole_us * gpu_count') }}
            as {{ big_integer() }}) as rate_units
    from servers
)

select
    lines.line_key,
    charges.source_digest is not null or bills.bill_id is not null as is_landed,
    {% for column in landed -%}
    charges.{{ column }},
    {% endfor -%}
    coalesce(charges.charge_description, bills.description) as charge_description,
    coalesce(charges.invoice_issuer_name, bills.utility_name) as invoice_issuer_name,
    coalesce(charges.consumed_quantity, cast(bills.quantity as decimal(38,12))) as consumed_quantity,
    coalesce(charges.consumed_unit, bills.unit) as consumed_unit,
    bills.meter_id,
    bills.peak_at,
    case when lines.cost_source = 'amortisation' then priced.server_id end as amortised_server_id,
    case when lines.cost_source = 'amortisation' then priced.gpu_count end as gpu_count,
    case when lines.cost_source = 'amortisation' then {{ money('priced.rate_units') }} end as book_rate
from {{ ref('int_costs__lines') }} as lines
left join charges
    on
        lines.cost_source = 'charges'
        and lines.charge_line_id
        = charges.source_digest || ':' || cast(charges.source_line as string)
left join bills
    on
        lines.cost_source = 'energy_bills'
        and lines.bill_id = bills.bill_id
        and lines.charge_line_id = bills.charge_line_id
left join priced
    on
        lines.cost_source = 'amortisation'
        and lines.scope = 'server'
        and lines.scope_id = priced.server_id
        and lines.period_from_us >= priced.from_us and lines.period_from_us < priced.to_us
