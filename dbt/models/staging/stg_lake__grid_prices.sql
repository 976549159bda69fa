-- Kept here: all dates are read in each build, and to open a part a day takes longer than to read its rows.
{{ config(materialized='incremental', pre_hook="{{ forget_restated('event_date', 'grid_prices') }}") }}
select
    zone,
    market,
    price_basis,
    interval_start,
    interval_seconds,
    price_per_kwh,
    currency,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ restated_rows('grid_prices') }}
