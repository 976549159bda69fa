-- Attempts that another attempt of the same request made superfluous: it failed or was cancelled, and a
-- later or simultaneous one answered; or both answered and it ended last (a hedge that lost). One row per date
-- on which another answered (`won_date`), so that it is known whom to ask again once that answer is gone. The
-- first of them to end is the answer.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
{# Dates of records that name a request of which an attempt may have been superseded. #}
{% set logged %}
select distinct cast(event_date as varchar) from {{ ref('int_requests__ids') }}
where logical_hash in (
    select logical_hash from {{ ref('int_requests__ids') }}
    where may_be_superseded and {{ is_restated('event_date', 'int_requests__restated_dates') }}
    {% for told in ['int_requests__sightings', 'int_requests__calls'] -%}
    union all
    select {{ text_hash('logical_request_id') }} from {{ ref(told) }}
    where {{ is_restated('started_date', 'int_requests__restated_dates') }}
    {% endfor -%}
)
{% endset %}
with
attempts as (
    select
        emitter,
        request_id,
        logical_request_id,
        attempt,
        model,
        tier,
        region,
        started_date,
        started_us,
        coalesce(
            {{ epoch_us('ended_at') }}, started_us + {{ whole('e2e_seconds', 1000000) }}, started_us
        ) as ended_us,
        status,
        nullif(input_total_tokens, 0) as input_tokens
    from {{ ref('int_requests__attempts') }}
    where
        logical_request_id is not null
        and (status in ('failure', 'cancelled') or (status = 'success' and attempt is not null))
        and {{ is_restated('started_date', 'int_requests__restated_dates') }}
),

-- Attempts of other dates are read as they lie in the lake: that one answered is all that is asked.
answers as (
    select
        request_id,
        logical_request_id,
        attempt,
        event_date as won_date,
        {{ epoch_us('started_at') }} as started_us,
        coalesce(
            {{ epoch_us('ended_at') }},
            {{ epoch_us('started_at') }} + {{ whole('e2e_seconds', 1000000) }},
            {{ epoch_us('started_at') }}
        ) as ended_us,
        nullif(input_total_tokens, 0) as input_tokens
    from {{ records_of(logged) }} as records
    where status = 'success' and logical_request_id in (select logical_request_id from attempts)
)

select distinct
    lost.emitter,
    lost.request_id,
    lost.started_date,
    won.won_date,
    lost.logical_request_id,
    lost.model,
    lost.tier,
    lost.region,
    lost.started_us,
    {% for column in ['request_id', 'started_us', 'ended_us'] -%}
    first_value(won.{{ column }}) over (
        partition by lost.emitter, lost.request_id order by won.ended_us asc, won.started_us asc, won.request_id asc
    ) as answer_{{ column }}{{ "," if not loop.last }}
    {% endfor %}
from attempts as lost
inner join answers as won
    on
        lost.logical_request_id = won.logical_request_id
        and lost.request_id <> won.request_id
        and won.ended_us >= lost.started_us
        -- A trace may hold calls of several prompts under one id.
        and coalesce(lost.input_tokens, won.input_tokens, 0) = coalesce(won.input_tokens, lost.input_tokens, 0)
where
    lost.status <> 'success'
    or (
        lost.attempt <> won.attempt
        and won.started_us < lost.ended_us
        and (
            won.ended_us < lost.ended_us
            or (won.ended_us = lost.ended_us and won.attempt < lost.attempt)
        )
    )
