-- What a deployment's day cost beyond its requests, spread over the requests that started that day.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date') }}"
) }}
with
weights as (
    select
        hours.emitter,
        hours.request_id,
        attempts.started_date,
        attempts.deployment_id,
        sum(hours.weight) as weight
    from {{ ref('int_requests__hours') }} as hours
    inner join {{ ref('int_requests__measured') }} as attempts
        on hours.emitter = attempts.emitter and hours.request_id = attempts.request_id
    where hours.weight > 0 and {{ is_restated('hours.started_date') }}
    group by hours.emitter, hours.request_id, attempts.started_date, attempts.deployment_id
),

days as (
    select * from {{ ref('int_costs__deployment_days') }}
    where deployment_id is not null
),

joined as (
    select
        weights.*,
        days.idle_units,
        days.overhead_units
    from weights
    inner join days
        on weights.started_date = days.event_date and weights.deployment_id = days.deployment_id
),

allocated as (
    {{ allocate(
        'joined', ['started_date', 'deployment_id'], 'weight', ['emitter', 'request_id'],
        {'idle_share': 'idle_units', 'overhead_share': 'overhead_units'}
    ) }}
)

select
    emitter,
    request_id,
    started_date,
    idle_share as idle_units,
    overhead_share as overhead_units
from allocated
