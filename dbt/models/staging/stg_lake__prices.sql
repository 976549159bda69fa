select
    provider,
    model,
    token_class,
    valid_from,
    price_per_million_tokens,
    currency,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'prices') }}
