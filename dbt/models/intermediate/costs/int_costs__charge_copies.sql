-- Charges that more than one delivery holds, per bill: what is counted beyond the delivery with most of
-- them. Equal charges within one delivery are separate charges.
{{ config(materialized='view') }}
{% set key = [
    'invoice_id', 'billing_account_id', 'resource_id', 'sku_price_id', 'charge_category',
    'charge_period_start', 'charge_period_end', 'effective_cost'
] %}
with
charges as (
    select distinct
        source_digest,
        source_line,
        {{ key | join(', ') }}
    from {{ ref('stg_lake__charges') }}
),

delivered as (
    select
        lines.bill_id,
        lines.currency,
        charges.source_digest,
        {% for column in key -%}
        charges.{{ column }},
        {% endfor -%}
        count(*) as line_count
    from charges
    inner join {{ ref('int_costs__charge_lines') }} as lines
        on lines.charge_line_id = charges.source_digest || ':' || cast(charges.source_line as string)
    group by
        lines.bill_id, lines.currency, charges.source_digest,
        {% for column in key -%}
        charges.{{ column }}{{ "," if not loop.last }}
        {% endfor %}
),

copied as (
    select
        bill_id,
        currency,
        effective_cost,
        cast(sum(line_count) - max(line_count) as bigint) as copy_count
    from delivered
    group by bill_id, currency, {{ key | join(', ') }}
)

select
    bill_id,
    currency,
    cast(sum(effective_cost * copy_count) as decimal(38,12)) as copied_amount
from copied
group by bill_id, currency
