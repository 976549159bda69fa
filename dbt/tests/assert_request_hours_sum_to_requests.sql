-- Splitting an attempt over hours loses no token (metrics: 5.9, 6).
with
hours as (
    select
        emitter,
        request_id,
        sum(input_total_tokens) as input_tokens,
        sum(output_total_tokens) as output_tokens
    from {{ ref('int_requests__hours') }}
    group by emitter, request_id
)

select hours.*
from hours
inner join {{ ref('int_requests__measured') }} as attempts
    on hours.emitter = attempts.emitter and hours.request_id = attempts.request_id
where
    hours.input_tokens is distinct from attempts.input_total_tokens
    or hours.output_tokens is distinct from attempts.output_total_tokens
