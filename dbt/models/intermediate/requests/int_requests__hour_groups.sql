-- Engine work per date of start, deployment, UTC hour, tenant and outcome: what weights and unit costs are
-- summed from, so that nothing but these sums is read for the books of dates that are not made again.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
select
    started_date,
    deployment_id,
    hour_index,
    tenant_id,
    is_served,
    cause,
    is_split,
    has_classes,
    count(*) as attempt_count,
    cast(sum(input_total_tokens) as bigint) as input_total_tokens,
    cast(sum(input_cache_read_tokens) as bigint) as input_cache_read_tokens,
    cast(sum(output_total_tokens) as bigint) as output_total_tokens,
    cast(sum(service_us) as bigint) as service_us,
    {% for name in weighed_sums() -%}
    cast(sum({{ name }}) as {{ big_integer() }}) as {{ name }}{{ "," if not loop.last }}
    {% endfor %}
from {{ ref('int_requests__hours') }}
where {{ is_restated('started_date', 'int_requests__restated_dates') }}
group by started_date, deployment_id, hour_index, tenant_id, is_served, cause, is_split, has_classes
