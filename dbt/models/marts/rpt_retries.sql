-- Made anew as a whole: attempts of one request may lie on two dates, and there are few.
{{ config(materialized='table') }}
{% set keys = ['model', 'tier', 'region'] %}
with
lost as (
    select distinct
        emitter, request_id, logical_request_id, started_us, answer_started_us, answer_ended_us,
        {% for key in keys -%}
        coalesce({{ key }}, '(unknown)') as {{ key }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_requests__superseded') }}
),

ordered as (
    select
        *,
        count(*) over (partition by logical_request_id, answer_started_us, answer_ended_us) as lost_count,
        row_number() over (
            partition by logical_request_id, answer_started_us, answer_ended_us
            order by started_us asc, emitter asc, request_id asc
        ) as place
    from lost
),

-- From the first attempt to the answer, whichever attempt gave it (E15). A hedge that lost may have begun later.
requests as (
    select
        cast({{ timestamp_of_us('least(started_us, answer_started_us)') }} as date) as event_date,
        {{ keys | join(', ') }},
        lost_count + 1 as attempt_count,
        (answer_ended_us - least(started_us, answer_started_us)) / 1e6 as e2e_seconds,
        (answer_ended_us - answer_started_us) / 1e6 as answer_seconds
    from ordered
    where place = 1
)

select
    event_date,
    {{ keys | join(', ') }},
    count(*) as logical_request_count,
    cast(sum(attempt_count) as bigint) as attempt_count,
    {% for m in ['e2e', 'answer'] -%}
    percentile_cont(0.5) within group (order by {{ m }}_seconds asc) as {{ m }}_p50_seconds,
    case when count(*) >= {{ var('p95_minimum_count') }}
        then percentile_cont(0.95) within group (order by {{ m }}_seconds asc)
    end as {{ m }}_p95_seconds{{ "," if not loop.last }}
    {% endfor %}
from requests
group by event_date, {{ keys | join(', ') }}
