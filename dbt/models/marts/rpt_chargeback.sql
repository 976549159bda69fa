{{ config(materialized='table') }}
{% set categories = ['served', 'waste', 'idle', 'overhead', 'unattributed'] %}
{% set tokens = [
    'input_total_tokens', 'input_uncached_tokens', 'input_cache_read_tokens', 'output_total_tokens'
] %}
with
lines as (
    select
        period,
        currency,
        line_kind,
        tenant_id,
        {% for category in categories -%}
        coalesce(sum(case when category = '{{ category }}' then cost_units end), 0) as {{ category }}_units,
        coalesce(sum(case when category = '{{ category }}' then posted_units end), 0) as {{ category }}_posted,
        {% endfor -%}
        sum(cost_units) as total_units,
        {{ known_sum('usd_units') }} as usd_units,
        sum(accrued_units) as accrued_units
    from {{ ref('int_finance__chargeback_posted') }}
    group by period, currency, line_kind, tenant_id
),

totals as (
    select
        *,
        total_units as units,
        cast({{ minor_step('currency') }} as {{ big_integer() }}) as step
    from lines
),

rounded_periods as (
    select
        *,
        {{ mul_div_round('sum(units) over (partition by period, currency)', '1', 'step') }} as period_total
    from totals
),

-- A line is charged its own total; by category it is told as the categories add up.
charged as (
    {{ post_to_total(
        'rounded_periods', ['period', 'currency'], 'period_total', ['line_kind desc', 'tenant_id asc nulls first']
    ) }}
),

-- Tokens have no currency: they stand on one line of the tenant's period, so that sums count them once.
ranked as (
    select
        *,
        row_number() over (
            partition by period, line_kind, tenant_id
            order by abs(usd_units) desc nulls last, currency asc
        ) = 1 as is_main_currency
    from charged
),

used as (
    select
        dates.period,
        case when parts.tenant_id is null then 'no_tenant' else 'tenant' end as line_kind,
        parts.tenant_id,
        sum(request_count) as request_count,
        {% for name in tokens -%}
        sum({{ name }}) as {{ name }},
        {% endfor -%}
        sum(list_units) as list_units,
        -- Input whose cached part is unknown counts at the input price.
        sum(
            {{ dollars_at(
                '(coalesce(parts.input_total_tokens, 0) - coalesce(parts.input_cache_read_tokens, 0))',
                'contracts.input_uncached', 'contracts.rate_units'
            ) }}
            + {{ dollars_at(
                'coalesce(parts.input_cache_read_tokens, 0)', 'contracts.input_cache_read', 'contracts.rate_units'
            ) }}
            + {{ dollars_at(
                'coalesce(parts.output_total_tokens, 0)', 'contracts.output', 'contracts.rate_units'
            ) }}
        ) as contract_units,
        sum(case when contracts.rate_units is not null then parts.served_count else 0 end) as contracted_count,
        sum(served_count) as served_count,
        sum(listed_count) as listed_count
    from {{ ref('int_costs__unit_parts') }} as parts
    inner join {{ ref('int_finance__period_dates') }} as dates on parts.event_date = dates.event_date
    left join {{ ref('int_prices__contracts') }} as contracts
        on
            parts.event_date = contracts.started_date
            and parts.tenant_id = contracts.tenant_id
            and parts.model = contracts.model
    group by 1, 2, 3
),

joined as (
    select
        coalesce(ranked.period, used.period) as period,
        coalesce(ranked.line_kind, used.line_kind) as line_kind,
        coalesce(ranked.tenant_id, used.tenant_id) as tenant_id,
        {{ all_but(['period', 'line_kind', 'tenant_id'], 'ranked') }},
        {{ all_but(['period', 'line_kind', 'tenant_id'], 'used') }}
    from ranked
    full outer join used
        on
            ranked.period = used.period
            and ranked.line_kind = used.line_kind
            and ranked.tenant_id is not distinct from used.tenant_id
            and ranked.is_main_currency
)

select
    periods.calendar,
    periods.period_name as period,
    periods.first_date as period_start,
    periods.month,
    joined.currency,
    joined.line_kind,
    joined.tenant_id,
    tenants.tenant_name,
    tenants.cost_centre,
    policies.idle_policy,
    policies.overhead_policy,
    {% for category in categories -%}
    {{ money('joined.' ~ category ~ '_units') }} as {{ category }}_cost,
    {% endfor -%}
    {{ money('joined.total_units') }} as total_cost,
    {{ money('joined.usd_units') }} as total_cost_usd,
    {{ money('joined.accrued_units') }} as accrued_cost,
    {% for category in categories -%}
    {{ money('joined.' ~ category ~ '_posted') }} as {{ category }}_amount,
    {% endfor -%}
    {{ money('joined.posted * joined.step') }} as total_amount,
    coalesce(joined.is_main_currency, true) as is_main_currency,
    cast(joined.request_count as bigint) as request_count,
    {% for name in tokens -%}
    cast(joined.{{ name }} as bigint) as {{ name }},
    {% endfor -%}
    {{ money('joined.list_units') }} as cost_list_usd,
    {{ ratio('joined.listed_count', 'joined.served_count') }} as price_coverage_ratio,
    {{ money('joined.contract_units') }} as cost_contract_usd,
    {{ ratio('joined.contracted_count', 'joined.served_count') }} as contract_coverage_ratio
from joined
left join {{ ref('int_finance__policies') }} as policies on joined.period = policies.period
inner join {{ ref('int_finance__periods') }} as periods on joined.period = periods.period
left join {{ ref('int_fleet__tenants') }} as tenants on joined.tenant_id = tenants.tenant_id
