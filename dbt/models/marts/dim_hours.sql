{{ config(materialized='table') }}
select
    time_zone,
    hour_start,
    local_start,
    local_date
from {{ ref('int_books__local_hours') }}
