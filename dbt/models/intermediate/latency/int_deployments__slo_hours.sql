-- Attempts of a deployment that arrived in an UTC hour, how many kept all objectives, and their output tokens.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date') }}"
) }}
select
    deployment_id,
    hour_index,
    started_date,
    count(case when is_judged then 1 end) as judged_count,
    count(case when is_within_slo then 1 end) as attained_count,
    cast(sum(output_total_tokens) as bigint) as arrived_output_tokens,
    cast(coalesce(sum(case when is_within_slo then output_total_tokens end), 0) as bigint) as good_output_tokens
from {{ ref('int_latency__attempts') }}
where deployment_id is not null and {{ is_restated('started_date') }}
group by deployment_id, hour_index, started_date
