{{ config(materialized='table') }}
with
used as (
    select distinct
        deployment_id,
        cast(extract(year from {{ hour_start('hour_index') }}) * 12
        + extract(month from {{ hour_start('hour_index') }}) - 1 as bigint) as month_number,
        used_source
    from {{ ref('int_allocation__methods') }}
    where refusal is null and method = 'phase-weighted'
)

select
    months.deployment_id,
    cast({{ int_div('months.month_number', '12') }} as string) || '-'
    || case when months.month_number % 12 < 9 then '0' else '' end
    || cast(months.month_number % 12 + 1 as string) as month,
    months.weight_source,
    used.deployment_id is not null as is_used,
    {% for phase in ['prefill', 'cache_read', 'decode'] -%}
    months.{{ phase }}_ps / 1000000000000e0 as {{ phase }}_weight,
    months.{{ phase }}_error_ps / 1000000000000e0 as {{ phase }}_weight_standard_error,
    {% endfor -%}
    months.learnt_from,
    months.hour_count,
    {{ hour_start('months.first_hour') }} as window_start,
    {{ hour_start('(months.last_hour + 1)') }} as window_end,
    months.refusal
from {{ ref('int_weights__months') }} as months
left join used
    on
        months.deployment_id = used.deployment_id
        and months.month_number = used.month_number
        and months.weight_source = used.used_source
