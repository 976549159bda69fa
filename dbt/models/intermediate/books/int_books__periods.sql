-- Periods of the calendars, each once: as the fleet says last.
select
    periods.calendar,
    periods.period,
    periods.fiscal_year,
    periods.quarter,
    periods.period_number,
    periods.first_date,
    periods.last_date,
    periods.calendar = settings.calendar as is_books_calendar
from {{ ref('stg_lake__fleet_fiscal_periods') }} as periods
cross join {{ ref('int_books__settings') }} as settings
qualify row_number() over (
    partition by periods.calendar, periods.period
    order by periods.valid_from desc, periods.source_file desc, periods.source_line desc
) = 1
