select
    calendar,
    period,
    fiscal_year,
    quarter,
    period_number,
    first_date,
    last_date,
    valid_from,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_fiscal_periods') }}
