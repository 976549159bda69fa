-- Every charge line that the ledger spreads, once, as its issuer told it.
{{ config(materialized='table') }}
select
    lines.bill_id,
    lines.charge_line_id,
    lines.cost_source,
    cast({{ timestamp_of_us('lines.period_from_us') }} as date) as event_date,
    lines.bill_kind,
    lines.component,
    lines.site_id,
    sites.region as site_region,
    lines.currency,
    {{ timestamp_of_us('lines.period_from_us') }} as period_start,
    {{ timestamp_of_us('lines.period_to_us') }} as period_end,
    cast(lines.amount as decimal(38,12)) as amount,
    cast(case
        when lines.cost_source = 'charges' then lines.billed_amount
        when lines.cost_source = 'energy_bills' then lines.amount
        else 0
    end as decimal(38,12)) as billed_amount,
    {{ all_but(['line_key', 'is_landed', 'peak_at'], 'facts') }}
from {{ ref('int_costs__lines') }} as lines
inner join {{ ref('int_costs__billed_facts') }} as facts on lines.line_key = facts.line_key
left join {{ ref('int_fleet__sites') }} as sites on lines.site_id = sites.site_id
