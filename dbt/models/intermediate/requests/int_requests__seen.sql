-- One row per attempt of the dates whose marts are made again, as the lake tells it: what readers of attempts seldom
-- ask for is taken from here and stored nowhere.
{{ config(materialized='view') }}
{{ seen_attempts('int_books__restated_dates') }}
