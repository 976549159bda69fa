-- What the ledger of a date follows from, beside its hours of GPUs.
with
demanded as (
    select
        lines.line_key,
        lines.hour_index,
        shares.deployment_id,
        shares.gpu_method,
        shares.weight
    from {{ ref('int_costs__line_hours') }} as lines
    inner join {{ ref('int_costs__demand_shares') }} as shares on lines.billed_line_key = shares.line_key
),

line_hours as (
    select {{ all_but(['line_hash']) }} from {{ ref('int_costs__line_hours') }}
)

{{ fingerprints_of({
    'demanded': hour_date('source.hour_index'),
    'line_hours': hour_date('source.hour_index'),
    'int_allocation__special_parts': hour_date('source.hour_index'),
    'int_allocation__wasted_shares': hour_date('source.hour_index'),
    'int_allocation__headroom': hour_date('source.hour_index'),
    'int_allocation__methods': hour_date('source.hour_index'),
    'int_energy__site_hours': hour_date('source.hour_index'),
    'int_fx__usd_rates': 'source.rate_date',
}) }}
