{{ config(materialized='table') }}
select
    calendar,
    period,
    fiscal_year,
    quarter,
    period_number,
    first_date,
    last_date,
    is_books_calendar
from {{ ref('int_books__periods') }}
