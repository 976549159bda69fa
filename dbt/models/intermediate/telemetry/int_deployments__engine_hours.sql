-- Engine counters and gauges of a deployment per UTC hour. What counters tell per GPU does not add up here.
{% set counters = engine_counters() | reject('in', ['gflops_per_gpu', 'megabytes_per_gpu']) | list %}
{% set gauges = [
    'running_us', 'running_sum', 'gauge_busy_us', 'waiting_us', 'waiting_sum', 'kv_us', 'kv_sum',
    'kv_capacity_us', 'kv_capacity_sum', 'deferred_us', 'deferred_sum'
] %}
with
counted as (
    select
        deployment_id,
        hour_index,
        {% for counter in counters -%}
        cast(sum({{ counter }}) as bigint) as engine_{{ counter }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_engine__counter_hours') }}
    group by deployment_id, hour_index
),

gauged as (
    select
        deployment_id,
        hour_index,
        {% for gauge in gauges -%}
        sum({{ gauge }}) as {{ gauge }},
        {% endfor -%}
        -- Of the replicas that tell: the mean requests running of the fullest, in thousandths.
        count(case when running_us > 0 then 1 end) as gauged_replicas,
        max({{ int_div('running_sum', 'nullif(running_us, 0)') }}) as fullest_milli
    from {{ ref('int_engine__gauge_hours') }}
    group by deployment_id, hour_index
)

select
    coalesce(counted.deployment_id, gauged.deployment_id) as deployment_id,
    coalesce(counted.hour_index, gauged.hour_index) as hour_index,
    {% for counter in counters -%}
    counted.engine_{{ counter }},
    {% endfor -%}
    {% for gauge in gauges -%}
    gauged.{{ gauge }},
    {% endfor -%}
    gauged.gauged_replicas,
    gauged.fullest_milli
from counted
full outer join gauged
    on counted.deployment_id = gauged.deployment_id and counted.hour_index = gauged.hour_index
