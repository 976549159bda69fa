select
    calendar,
    time_zone,
    valid_from,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'fleet_books') }}
