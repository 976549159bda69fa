{{ config(materialized='table') }}
with
days as (
    select
        *,
        min(first_date) over (partition by calendar, fiscal_year) as year_first_date,
        {{ explode_range(day_index('first_date'), day_index('last_date')) }} as day_number
    from {{ ref('int_books__periods') }}
)

select
    calendar,
    {{ day_date('day_number') }} as calendar_date,
    fiscal_year,
    quarter,
    period,
    period_number,
    cast({{ int_div('day_number - ' ~ day_index('year_first_date'), '7') }} + 1 as bigint) as fiscal_week,
    is_books_calendar
from days
