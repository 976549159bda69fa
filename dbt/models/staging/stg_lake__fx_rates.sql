select
    rate_date,
    base_currency,
    quote_currency,
    rate,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fx_rates') }}
