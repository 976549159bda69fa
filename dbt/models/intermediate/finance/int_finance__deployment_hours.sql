-- What an hour of a deployment cost, shared costs aside, and the tokens that it processed.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date') }}"
) }}
with
costs as (
    select
        event_date,
        deployment_id,
        hour_start,
        {{ known_sum('usd_units') }} as usd_units
    from {{ ref('int_costs__ledger') }}
    where deployment_id is not null and {{ is_restated('event_date') }}
    group by event_date, deployment_id, hour_start
)

select
    costs.*,
    coalesce(hours.input_total_tokens, 0) + coalesce(hours.output_total_tokens, 0) as tokens
from costs
left join {{ ref('int_deployments__hours') }} as hours
    on costs.deployment_id = hours.deployment_id and costs.hour_start = hours.hour_start
