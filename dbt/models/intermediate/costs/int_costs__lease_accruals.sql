-- Leased servers that were seen at work in a month without a charge: the price by time of the latest month
-- before that has one, one line a UTC day. Days are differences of the month's running floor, so that
-- another day leaves those before it as they are.
{% set day_us = '86400000000' %}
with
days as (
    select
        *,
        {{ explode_range(int_div('from_us', day_us), int_div('to_us - 1', day_us)) }} as day_index
    from {{ ref('int_costs__lease_months') }}
    where amount_units > 0 and from_us < to_us
),

clipped as (
    select
        *,
        greatest(from_us, day_index * {{ day_us }}) as day_from_us,
        least(to_us, (day_index + 1) * {{ day_us }}) as day_to_us
    from days
)

select
    'accrual ' || site_id || ' ' || {{ year_month('month_start') }} as bill_id,
    server_id || ':' || cast(cast({{ timestamp_of_us('day_from_us') }} as date) as string) as charge_line_id,
    'accrual' as cost_source,
    'accelerator' as component,
    'server' as scope,
    server_id as scope_id,
    cast(null as string) as gpu_uuid,
    site_id,
    cast(null as string) as stated_region,
    currency,
    day_from_us as period_from_us,
    day_to_us as period_to_us,
    {{ money(
        int_div('amount_units * (day_to_us - from_us)', 'charged_us') ~ ' - '
        ~ int_div('amount_units * (day_from_us - from_us)', 'charged_us')
    ) }} as amount,
    cast(null as string) as meter_id,
    cast(null as string) as bill_kind,
    cast(null as bigint) as billed_nkwh,
    cast(null as decimal(38,12)) as billed_amount,
    'last-charge' as accrual_method
from clipped
