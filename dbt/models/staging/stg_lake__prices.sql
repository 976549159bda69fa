select
    price_list,
    provider,
    model,
    token_class,
    above_input_tokens,
    service_tier,
    valid_from,
    price_per_million_tokens,
    currency,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'prices') }}
