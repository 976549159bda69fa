-- Seconds per phase as the log tells them, where an attempt knows both, with the tokens that they went to, in
-- the hour of its first token.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
select
    started_date,
    deployment_id,
    {{ hour_index('first_us') }} as hour_index,
    cast(sum({{ whole('prefill_seconds', 1000000) }}) as bigint) as prefill_us,
    cast(sum({{ whole('decode_seconds', 1000000) }}) as bigint) as decode_us,
    cast(sum(input_uncached_tokens) as bigint) as computed_tokens,
    cast(sum(output_total_tokens) as bigint) as output_tokens
from {{ ref('int_requests__measured') }}
where
    is_engine_work
    and prefill_seconds is not null
    and decode_seconds is not null
    and input_uncached_tokens is not null
    and output_total_tokens is not null
    and {{ is_restated('started_date', 'int_requests__restated_dates') }}
group by started_date, deployment_id, {{ hour_index('first_us') }}
