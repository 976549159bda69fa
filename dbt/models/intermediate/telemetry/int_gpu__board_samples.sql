-- One row per board and time. MIG instances repeat the board's power and energy, so the largest counts
-- once; their ratios weigh by compute slices of seven (E8). Known boards carry the fleet's UUID.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('sampled_date', 'gpu_samples') }}"
) }}
{% set ratios = ['gpu_util_ratio', 'sm_active_ratio', 'tensor_active_ratio', 'dram_active_ratio'] %}
with
instances as (
    select
        gpu_uuid as reported_uuid,
        mig_instance_id,
        {{ epoch_us('sampled_at') }} as sampled_us,
        event_date as sampled_date,
        max(lower(hostname)) as hostname,
        max(gpu_index) as gpu_index,
        max(case when mig_instance_id = '' then 7 else coalesce({{ leading_integer('mig_profile') }}, 0) end)
            as slices,
        max({{ whole('power_watts', 1000) }}) as power_mw,
        max({{ whole('energy_joules_total', 1000) }}) as counter_mj,
        {% for ratio in ratios -%}
        max({{ whole(ratio, 1000000) }}) as {{ ratio }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('stg_lake__gpu_samples') }}
    where {{ is_restated('event_date', 'gpu_samples') }}
    group by gpu_uuid, mig_instance_id, {{ epoch_us('sampled_at') }}, event_date
),

boards as (
    select
        reported_uuid,
        sampled_us,
        sampled_date,
        max(hostname) as hostname,
        max(gpu_index) as gpu_index,
        max(power_mw) as power_mw,
        max(counter_mj) as counter_mj,
        {% for ratio in ratios -%}
        cast({{ int_div('sum(' ~ ratio ~ ' * slices)', '7') }} as bigint)
            as {{ ratio | replace('_ratio', '_ppm') }}{{ "," if not loop.last }}
        {% endfor %}
    from instances
    group by reported_uuid, sampled_us, sampled_date
),

gpus as (
    select * from {{ ref('int_fleet__gpus') }}
),

slots as (
    select
        lower(hostname) as hostname,
        gpu_index,
        min(gpu_uuid) as gpu_uuid
    from gpus
    where hostname is not null
    group by lower(hostname), gpu_index
)

select
    {{ all_but(['reported_uuid', 'hostname', 'gpu_index'], 'boards') }},
    coalesce(gpus.gpu_uuid, slots.gpu_uuid, boards.reported_uuid) as gpu_uuid,
    coalesce(gpus.gpu_uuid, slots.gpu_uuid) is not null as is_in_fleet
from boards
left join gpus on boards.reported_uuid = gpus.gpu_uuid
left join slots on boards.hostname = slots.hostname and boards.gpu_index = slots.gpu_index
