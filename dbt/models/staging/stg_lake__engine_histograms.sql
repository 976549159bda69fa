select
    scraped_at,
    engine,
    instance,
    engine_index,
    model_name,
    metric,
    bucket_upper_bounds,
    bucket_cumulative_counts,
    observation_sum,
    observation_count,
    counters_created_at,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ source('lake', 'engine_histograms') }}
