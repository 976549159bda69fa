select
    request_id,
    prompt_fingerprint,
    model,
    judge,
    score,
    scale_minimum,
    scale_maximum,
    judged_at,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'quality_labels') }}
