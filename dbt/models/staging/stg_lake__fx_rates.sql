-- Kept here: all dates are read in each build, and to open a part a day takes longer than to read its rows.
{{ config(materialized='incremental', pre_hook="{{ forget_restated('event_date', 'fx_rates') }}") }}
select
    rate_date,
    base_currency,
    quote_currency,
    rate,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ restated_rows('fx_rates') }}
