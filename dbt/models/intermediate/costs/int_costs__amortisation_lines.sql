-- Straight-line amortisation of owned servers, one line per UTC day, accrued to the last hour in which the
-- fleet was seen: a month that is not over has not cost its whole share yet. Days are differences of the
-- month's running floor, so that another day leaves those before it as they are.
{% set day_us = '86400000000' %}
with
servers as (
    select
        servers.*,
        stretches.first_month,
        stretches.until_month,
        stretches.month_count,
        stretches.depreciable_units,
        observed.window_to_us
    from {{ ref('int_fleet__servers') }} as servers
    inner join {{ ref('int_fleet__depreciation') }} as stretches on servers.server_id = stretches.server_id
    cross join {{ ref('int_fleet__window') }} as observed
    where observed.window_to_us is not null
),

months as (
    select
        *,
        {{ explode_range('first_month', 'until_month - 1') }} as month_number
    from servers
),

dated as (
    select
        *,
        {{ epoch_us(plus_months('valid_from', 'month_number')) }} as month_from_us,
        {{ epoch_us(plus_months('valid_from', 'month_number + 1')) }} as month_to_us,
        -- Differences of a running floor, so that a whole life adds up to what was paid.
        {{ int_div('depreciable_units * (month_number + 1 - first_month)', 'month_count') }}
        - {{ int_div('depreciable_units * (month_number - first_month)', 'month_count') }} as month_units
    from months
),

accrued as (
    select
        *,
        least(month_to_us, valid_to_us, window_to_us) as accrued_to_us
    from dated
    where month_from_us < least(valid_to_us, window_to_us)
),

days as (
    select
        *,
        {{ explode_range(
            int_div('month_from_us', day_us), int_div('accrued_to_us - 1', day_us)
        ) }} as day_index
    from accrued
),

clipped as (
    select
        *,
        greatest(month_from_us, day_index * {{ day_us }}) as day_from_us,
        least(accrued_to_us, (day_index + 1) * {{ day_us }}) as day_to_us
    from days
)

select
    'amortisation ' || {{ year_month(timestamp_of_us('month_from_us')) }} as bill_id,
    server_id || ':' || cast(cast({{ timestamp_of_us('day_from_us') }} as date) as string)
        as charge_line_id,
    'amortisation' as cost_source,
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
        int_div('month_units * (day_to_us - month_from_us)', 'month_to_us - month_from_us') ~ ' - '
        ~ int_div('month_units * (day_from_us - month_from_us)', 'month_to_us - month_from_us')
    ) }} as amount,
    cast(null as string) as meter_id,
    cast(null as string) as bill_kind,
    cast(null as bigint) as billed_nkwh,
    cast(null as decimal(38,12)) as billed_amount,
    cast(null as string) as accrual_method
from clipped
