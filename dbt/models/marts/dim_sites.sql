{{ config(materialized='table') }}
select
    site_id,
    region,
    time_zone,
    currency,
    operator_name
from {{ ref('int_fleet__sites') }}
