{{ config(materialized='table') }}
select
    calendar,
    time_zone
from {{ ref('int_books__settings') }}
