-- Active cost of an attempt: its share, by phase weights, of what its group bears in each hour.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date') }}"
) }}
with
hours as (
    select
        emitter,
        request_id,
        started_date,
        hour_index,
        deployment_id,
        tenant_id,
        case when is_served then 'served' else 'waste' end as category,
        cause,
        weight
    from {{ ref('int_requests__hours') }}
    where weight > 0 and {{ shares_restated_hour() }}
),

groups as (
    select * from {{ ref('int_costs__request_groups') }}
),

joined as (
    select
        hours.*,
        groups.accelerator_units,
        groups.electricity_units,
        groups.other_units,
        groups.has_missing_rate
    from hours
    inner join groups
        on
            hours.deployment_id = groups.deployment_id
            and hours.hour_index = groups.hour_index
            and hours.category = groups.category
            and hours.tenant_id is not distinct from groups.tenant_id
            and hours.cause is not distinct from groups.cause
),

allocated as (
    {{ allocate(
        'joined', ['deployment_id', 'hour_index', 'tenant_id', 'category', 'cause'], 'weight',
        ['emitter', 'request_id'],
        {
            'accelerator_share': 'accelerator_units',
            'electricity_share': 'electricity_units',
            'other_share': 'other_units',
        }
    ) }}
)

select
    emitter,
    request_id,
    started_date,
    sum(accelerator_share) as accelerator_units,
    sum(electricity_share) as electricity_units,
    sum(other_share) as other_units,
    bool_or(has_missing_rate) as has_missing_rate
from allocated
where {{ is_restated('started_date') }}
group by emitter, request_id, started_date
