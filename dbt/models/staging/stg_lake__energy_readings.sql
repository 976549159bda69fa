-- Kept here: all dates are read in each build, and to open a part a day takes longer than to read its rows.
{{ config(materialized='incremental', pre_hook="{{ forget_restated('event_date', 'energy_readings') }}") }}
select
    meter_id,
    flow_direction,
    interval_start,
    interval_seconds,
    energy_kwh,
    average_power_kw,
    quality,
    cost,
    currency,
    tariff_period,
    source_file,
    source_line,
    source_digest,
    event_date
from {{ restated_rows('energy_readings') }}
