-- Splitting attempts over hours loses no token (metrics: 5.9, 6).
with
hours as (
    select
        started_date,
        deployment_id,
        is_served,
        is_split,
        sum(input_total_tokens) as input_tokens,
        sum(output_total_tokens) as output_tokens
    from {{ ref('int_requests__hour_groups') }}
    where {{ is_to_test('started_date', 'int_requests__restated_dates') }}
    group by started_date, deployment_id, is_served, is_split
),

attempts as (
    select
        started_date,
        deployment_id,
        is_served,
        input_uncached_tokens is not null as is_split,
        sum(input_total_tokens) as input_tokens,
        sum(output_total_tokens) as output_tokens
    from {{ ref('int_requests__measured') }}
    where is_engine_work and {{ is_to_test('started_date', 'int_requests__restated_dates') }}
    group by started_date, deployment_id, is_served, input_uncached_tokens is not null
)

select hours.*
from hours
full outer join attempts
    on
        hours.started_date = attempts.started_date
        and hours.deployment_id = attempts.deployment_id
        and hours.is_served = attempts.is_served
        and hours.is_split = attempts.is_split
where
    hours.input_tokens is distinct from attempts.input_tokens
    or hours.output_tokens is distinct from attempts.output_tokens
