-- Where each replica-hour went: not_ready, ready_empty and busy add up to the time assigned.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated_hours('hour_index', 'int_gpu__restated_dates') }}"
) }}
with
reached as (
    select
        *,
        {% for sign in ['busy', 'ready'] -%}
        max(case when is_{{ sign }} then to_us end) over (
            partition by lane order by from_us asc
            rows between unbounded preceding and 1 preceding
        ) as {{ sign }}_until_us{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_replicas__intervals') }}
),

lengths as (
    select
        lane,
        -- Of a union of intervals each adds what goes beyond the furthest end so far.
        {% for sign in ['busy', 'ready'] -%}
        cast(sum(
            case when is_{{ sign }}
                then greatest(0, to_us - greatest(from_us, coalesce({{ sign }}_until_us, from_us)))
            end
        ) as bigint) as {{ sign }}_us,
        {% endfor -%}
        bool_or(is_served) as is_alive
    from reached
    group by lane
),

replicas as (
    select * from {{ ref('int_replicas__hours') }}
    where {{ is_restated_hour('hour_index', 'int_gpu__restated_dates') }}
),

measured as (
    select
        replicas.*,
        least(replicas.assigned_us, coalesce(lengths.busy_us, 0)) as busy_us,
        -- Without scrapes a served request is the only sign of life, and stands for the hour.
        case
            when replicas.scrape_count = 0 and lengths.is_alive then replicas.assigned_us
            else least(replicas.assigned_us, coalesce(lengths.ready_us, 0))
        end as ready_us
    from replicas
    left join lengths on replicas.lane = lengths.lane
)

select
    replica_id,
    deployment_id,
    hour_index,
    gpu_count,
    scrape_count,
    covered_us,
    case when is_gauged then 'engine_gauge' else 'request_intervals' end as busy_method,
    assigned_us,
    busy_us,
    greatest(0, ready_us - busy_us) as ready_empty_us,
    assigned_us - greatest(ready_us, busy_us) as not_ready_us
from measured
