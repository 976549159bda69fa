-- GPU time of a deployment by state, and its GPUs' activity, per UTC hour.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_gpu__restated_dates') }}"
) }}
{% set ratios = ['gpu_util_ppm', 'sm_active_ppm', 'tensor_active_ppm', 'dram_active_ppm'] %}
with
states as (
    select
        deployment_id,
        hour_index,
        cast(sum(state_us) as bigint) as assigned_us,
        {% for state in ['busy', 'ready_empty', 'not_ready'] -%}
        cast(coalesce(sum(case when state = '{{ state }}' then state_us end), 0) as bigint)
            as {{ state }}_us{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_gpu__state_hours') }}
    where deployment_id is not null and {{ is_restated_hour('hour_index', 'int_gpu__restated_dates') }}
    group by deployment_id, hour_index
),

replicas as (
    select
        deployment_id,
        hour_index,
        count(*) as replica_count,
        cast(sum(gpu_count) as bigint) as gpu_count,
        cast(sum(busy_us) as bigint) as replica_busy_us,
        cast(sum(covered_us) as bigint) as covered_us,
        cast(sum(assigned_us) as bigint) as replica_us,
        case when count(distinct busy_method) = 1 then min(busy_method) else 'mixed' end as busy_method
    from {{ ref('int_replicas__state_hours') }}
    where {{ is_restated_hour('hour_index', 'int_gpu__restated_dates') }}
    group by deployment_id, hour_index
),

activity as (
    select
        held.deployment_id,
        held.hour_index,
        {% for ratio in ratios -%}
        sum(activity.{{ ratio }}_sum) as {{ ratio }}_sum,
        sum(activity.{{ ratio }}_us) as {{ ratio }}_us{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_gpu__replica_hours') }} as held
    inner join {{ ref('int_gpu__activity_hours') }} as activity
        on held.gpu_uuid = activity.gpu_uuid and held.hour_index = activity.hour_index
    where {{ is_restated_hour('held.hour_index', 'int_gpu__restated_dates') }}
    group by held.deployment_id, held.hour_index
),

paid as (
    select
        held.deployment_id,
        held.hour_index,
        -- Replicas that share a GPU, or have it one after the other, pay for their own time; what none of them
        -- held is paid by the one that held most.
        cast(sum(
            case when held.place = 1 then paid.paid_us - held.all_us + held.assigned_us else held.assigned_us end
        ) as bigint) as paid_us
    from (
        select
            *,
            sum(assigned_us) over (partition by gpu_uuid, hour_index) as all_us,
            row_number() over (
                partition by gpu_uuid, hour_index order by assigned_us desc, replica_id asc
            ) as place
        from {{ ref('int_gpu__replica_hours') }}
        where {{ is_restated_hour('hour_index', 'int_gpu__restated_dates') }}
    ) as held
    inner join {{ ref('int_gpu__paid_hours') }} as paid
        on held.gpu_uuid = paid.gpu_uuid and held.hour_index = paid.hour_index
    group by held.deployment_id, held.hour_index
)

select
    replicas.*,
    coalesce(paid.paid_us, 0) as paid_us,
    coalesce(states.assigned_us, 0) as assigned_us,
    coalesce(states.busy_us, 0) as busy_us,
    coalesce(states.ready_empty_us, 0) as ready_empty_us,
    coalesce(states.not_ready_us, 0) as not_ready_us,
    {{ all_but(['deployment_id', 'hour_index'], 'activity') }}
from replicas
left join states
    on replicas.deployment_id = states.deployment_id and replicas.hour_index = states.hour_index
left join activity
    on replicas.deployment_id = activity.deployment_id and replicas.hour_index = activity.hour_index
left join paid
    on replicas.deployment_id = paid.deployment_id and replicas.hour_index = paid.hour_index
