-- Attempts by the hour in which they began, with what decides their price: what readers of all dates count, so
-- that attempts of dates that are not made again are not read.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
select
    started_date,
    {{ hour_index('started_us') }} as hour_index,
    deployment_id,
    provider,
    model_served,
    model_requested,
    model,
    coalesce(is_gateway_cache_hit, false) as is_gateway_cache_hit,
    count(*) as request_count,
    count(case when status = 'success' then 1 end) as success_count,
    count(case when clock = 'relative' then 1 end) as relative_count,
    cast(sum(input_total_tokens) as bigint) as input_total_tokens,
    cast(sum(output_total_tokens) as bigint) as output_total_tokens
from {{ ref('int_requests__measured') }}
where {{ is_restated('started_date', 'int_requests__restated_dates') }}
group by 1, 2, 3, 4, 5, 6, 7, 8
