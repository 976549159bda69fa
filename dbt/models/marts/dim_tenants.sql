{{ config(materialized='table') }}
select
    tenant_id,
    tenant_name,
    cost_centre
from {{ ref('int_fleet__tenants') }}
