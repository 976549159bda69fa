{{ config(materialized='table') }}
with
bills as (
    select
        'bill_allocated' as check_name,
        billed.bill_id as subject,
        billed.period_start,
        billed.currency,
        billed.amount as expected,
        coalesce(posted.actual, cast(0 as decimal(38,12))) as actual,
        cast(0 as decimal(38,12)) as tolerance,
        billed.currency as unit
    from {{ ref('int_costs__bills') }} as billed
    left join (
        select bill_id, currency, cast(sum(cost) as decimal(38,12)) as actual
        from {{ ref('fct_cost_ledger') }}
        group by bill_id, currency
    ) as posted
        on billed.bill_id = posted.bill_id and billed.currency = posted.currency
),

tokens as (
    select
        deployment_id as subject,
        date_trunc('day', hour_start) as period_start,
        {% for kind in ['input', 'output'] -%}
        cast(sum(engine_{{ kind }}_tokens) as bigint) as engine_{{ kind }},
        cast(sum({{ kind }}_total_tokens) as bigint) as gateway_{{ kind }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_deployments__hours') }}
    group by deployment_id, date_trunc('day', hour_start)
),

gpu_time as (
    select
        paid.site_id as subject,
        {{ timestamp_of_us(int_div('paid.hour_index', '24') ~ ' * 24 * 3600000000') }} as period_start,
        cast(sum(paid.paid_us) as bigint) as paid_us,
        cast(coalesce(sum(states.state_us), 0) as bigint) as state_us
    from {{ ref('int_gpu__paid_hours') }} as paid
    left join (
        select gpu_uuid, hour_index, sum(state_us) as state_us
        from {{ ref('int_gpu__state_hours') }}
        group by gpu_uuid, hour_index
    ) as states
        on paid.gpu_uuid = states.gpu_uuid and paid.hour_index = states.hour_index
    group by
        paid.site_id,
        {{ timestamp_of_us(int_div('paid.hour_index', '24') ~ ' * 24 * 3600000000') }}
),

checks as (
    select * from bills
    union all
    -- Only charges have two amounts; what they bill and what the period consumed may differ.
    select
        'invoice_vs_effective', bill_id, period_start, currency, billed_amount, effective_amount,
        cast(0 as decimal(38,12)), currency
    from {{ ref('int_costs__bills') }}
    where billed_amount is not null
    union all
    select
        'charges_delivered_twice', bill_id, period_start, currency, cast(0 as decimal(38,12)),
        copied_amount, cast(0 as decimal(38,12)), currency
    from {{ ref('int_costs__bills') }}
    where copied_amount is not null
    union all
    select
        'charges_of_gpus', bill_id, period_start, currency, named_amount, placed_amount,
        cast(0 as decimal(38,12)), currency
    from {{ ref('int_costs__gpu_charges') }}
    {% for kind in ['input', 'output'] %}
    union all
    select
        'gateway_vs_engine_{{ kind }}_tokens', subject, period_start, cast(null as string),
        cast(engine_{{ kind }} as decimal(38,12)), cast(coalesce(gateway_{{ kind }}, 0) as decimal(38,12)),
        cast(engine_{{ kind }} as decimal(26,0)) * cast('{{ var("token_tolerance_ratio") }}' as decimal(11,6)),
        'tokens'
    from tokens
    where engine_{{ kind }} is not null
    {% endfor %}
    -- What the provider counted against the requests that we know.
    {% for kind in ['input', 'output'] %}
    union all
    select
        'provider_vs_requests_{{ kind }}_tokens', emitter || ' ' || model, cast(usage_date as timestamp),
        cast(null as string), cast(counted_{{ kind }} as decimal(38,12)),
        cast(logged_{{ kind }} as decimal(38,12)),
        cast(counted_{{ kind }} as decimal(26,0)) * cast('{{ var("token_tolerance_ratio") }}' as decimal(11,6)),
        'tokens'
    from {{ ref('int_usage__days') }}
    where counted_{{ kind }} is not null
    {% endfor %}
    union all
    select
        'gpu_hours_by_state', subject, period_start, cast(null as string),
        cast(cast(paid_us as decimal(25,0)) * cast('0.000001' as decimal(12,12)) as decimal(38,12)),
        cast(cast(state_us as decimal(25,0)) * cast('0.000001' as decimal(12,12)) as decimal(38,12)),
        cast(0 as decimal(38,12)),
        'GPU-seconds'
    from gpu_time
)

select
    check_name,
    subject,
    period_start,
    currency,
    expected,
    actual,
    cast(actual - expected as decimal(38,12)) as difference,
    abs(actual - expected) <= tolerance as is_balanced,
    check_name in ('bill_allocated', 'gpu_hours_by_state') as is_blocking,
    unit
from checks
{% for checks in ['int_energy__checks', 'int_tariffs__checks'] %}
union all
select
    check_name, subject, period_start, currency, expected, actual,
    cast(actual - expected as decimal(38,12)), is_balanced, false, unit
from {{ ref(checks) }}
{% endfor %}
