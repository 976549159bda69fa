-- Each hour of each charge line by component: the host's share of a server's charge, the facility's
-- overhead in energy, and what GPUs do not explain of a bill without readings. Parts of an hour add up to
-- it; the second component and the unexplained part of a line have line keys of their own. Hours that follow from
-- their line alone are kept while it is what it was (macros/line_hours.sql).
{{ config(materialized='incremental', pre_hook="{{ forget_line_hours() }}") }}
with
lines as (
    {{ spread_lines() }}
),

hours as (
    select
        {{ all_but(['line_key'], 'lines') }},
        billed.line_key,
        billed.hour_index,
        billed.hour_method,
        billed.hour_units,
        coalesce(billed.explained_ppb, 1000000000) as explained_ppb,
        coalesce(pues.pue_ppm, sites.pue_ppm) as pue_ppm,
        case when not lines.is_hosted then servers.host_share_ppm end as host_ppm
    from {{ ref('int_costs__billed_hours') }} as billed
    inner join lines on billed.line_key = lines.line_key
    left join {{ ref('int_fleet__servers') }} as servers
        on lines.component = 'accelerator' and lines.scope_id = servers.server_id
    left join {{ ref('int_fleet__sites') }} as sites
        on lines.scope = 'site' and lines.bill_kind in ('energy', 'rider') and lines.scope_id = sites.site_id
    left join {{ ref('int_energy__pue_hours') }} as pues
        on sites.site_id = pues.site_id and billed.hour_index = pues.hour_index
    where {{ is_to_spread('billed.line_key') }}
),

split as (
    select
        *,
        -- Of a kWh of the facility, 1 - 1/PUE never reaches the IT.
        {{ sign_of('hour_units') }} * coalesce(case
            when component = 'accelerator' then {{ int_div('abs(hour_units) * host_ppm', '1000000') }}
            else {{ int_div('abs(hour_units) * (pue_ppm - 1000000)', 'pue_ppm') }}
        end, 0) as other_units
    from hours
),

parts as (
    select
        *,
        hour_units - other_units as main_units,
        {{ sign_of('hour_units') }} * {{ int_div(
            'abs(hour_units - other_units) * explained_ppb', '1000000000'
        ) }} as main_explained_units,
        {{ sign_of('hour_units') }} * {{ int_div('abs(other_units) * explained_ppb', '1000000000') }}
            as other_explained_units
    from split
)

{% set kinds = {
    'main_explained_units': ('component', "''", 'false'),
    'other_explained_units':
        ("case when component = 'accelerator' then 'host' else 'cooling' end", "' other'", 'false'),
    'main_units - main_explained_units': ('component', "' unexplained'", 'true'),
    'other_units - other_explained_units': ("'cooling'", "' other unexplained'", 'true'),
} %}
{% for units, (component, suffix, is_unexplained) in kinds.items() -%}
select
    bill_id,
    charge_line_id,
    line_key || {{ suffix }} as line_key,
    line_key as billed_line_key,
    line_hash,
    cost_source,
    {{ component }} as component,
    scope,
    scope_id,
    gpu_uuid,
    site_id,
    stated_region,
    currency,
    is_direct,
    is_on_base,
    is_accrued,
    bill_kind,
    case when is_accrued then 'accrued-' || accrual_method || '|' else '' end || hour_method as hour_method,
    {{ is_unexplained }} as is_unexplained,
    hour_index,
    {{ units }} as hour_units
from parts
where {{ units }} <> 0
{{ "union all" if not loop.last }}
{% endfor %}
