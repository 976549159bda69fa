-- Kept here: all dates are read in each build, and to open a part a day takes longer than to read its rows.
{{ config(materialized='incremental', pre_hook="{{ forget_restated('event_date', 'grid_intensity') }}") }}
select
    zone,
    method,
    interval_start,
    interval_seconds,
    carbon_grams_per_kwh,
    emission_scope,
    carbon_free_ratio,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ restated_rows('grid_intensity') }}
