-- The hours from which the weights of a deployment's month are learnt, summed: the three months before it,
-- and, for a month that has too little before it, those with the month itself. A month that is over keeps
-- its weights, whatever follows. Whole numbers, so the sums are the same on any number of threads.
{% set products = {
    'uu': ('computed_tokens', 'computed_tokens'), 'uc': ('computed_tokens', 'cached_tokens'),
    'uo': ('computed_tokens', 'output_tokens'), 'cc': ('cached_tokens', 'cached_tokens'),
    'co': ('cached_tokens', 'output_tokens'), 'oo': ('output_tokens', 'output_tokens'),
    'uy': ('computed_tokens', 'busy_ms'), 'cy': ('cached_tokens', 'busy_ms'),
    'oy': ('output_tokens', 'busy_ms'), 'yy': ('busy_ms', 'busy_ms'),
} %}
{% set measured = 'prefill_ms is not null and decode_ms is not null' %}
{% set phase_products = {
    'pp': ('prefill_ms', 'prefill_ms'), 'pt': ('prefill_ms', 'phase_computed_tokens'),
    'tt': ('phase_computed_tokens', 'phase_computed_tokens'),
    'dd': ('decode_ms', 'decode_ms'), 'dw': ('decode_ms', 'phase_output_tokens'),
    'ww': ('phase_output_tokens', 'phase_output_tokens'),
} %}
{% set phase_sums = ['prefill_ms', 'decode_ms', 'phase_computed_tokens', 'phase_output_tokens'] %}
with
hours as (
    select * from {{ ref('int_weights__hours') }}
),

months as (
    select
        deployment_id,
        month_number,
        count(*) as hour_count,
        min(hour_index) as first_hour,
        max(hour_index) as last_hour,
        {% for name, (a, b) in products.items() -%}
        sum({{ a }} * {{ b }}) as {{ name }},
        {% endfor -%}
        count(case when {{ measured }} then 1 end) as measured_count,
        sum(case when {{ measured }} then busy_ms else 0 end) as measured_busy_ms,
        {% for name in phase_sums -%}
        sum(case when {{ measured }} then {{ name }} else 0 end) as {{ name }},
        {% endfor -%}
        {% for name, (a, b) in phase_products.items() -%}
        sum(case when {{ measured }} then {{ a }} * {{ b }} else 0 end) as {{ name }}{{ "," if not loop.last }}
        {% endfor %}
    from hours
    group by deployment_id, month_number
),

windows as (
    select deployment_id, month_number, 'before' as learnt_from, month_number - 1 as last_month
    from months
    union all
    select deployment_id, month_number, 'with itself', month_number
    from months
)

select
    windows.deployment_id,
    windows.month_number,
    windows.learnt_from,
    cast(sum(months.hour_count) as bigint) as hour_count,
    min(months.first_hour) as first_hour,
    max(months.last_hour) as last_hour,
    {% for name in products -%}
    sum(months.{{ name }}) as {{ name }},
    {% endfor -%}
    cast(sum(months.measured_count) as bigint) as measured_count,
    sum(months.measured_busy_ms) as measured_busy_ms,
    {% for name in phase_sums + (phase_products | list) -%}
    sum(months.{{ name }}) as {{ name }}{{ "," if not loop.last }}
    {% endfor %}
from windows
inner join months
    on
        windows.deployment_id = months.deployment_id
        and months.month_number between windows.month_number - 3 and windows.last_month
group by windows.deployment_id, windows.month_number, windows.learnt_from
