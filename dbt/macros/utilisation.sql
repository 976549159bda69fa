{# The utilisation ladder (metrics: 3.2) from whole sums, so that hours add up to days. #}

{# What the rungs are made of. #}
{% macro ladder_sums() %}
{{ return([
    'paid_us', 'assigned_us', 'ready_us', 'busy_us', 'running_sum', 'slot_us',
    'gpu_util_ppm_sum', 'gpu_util_ppm_us', 'sm_active_ppm_sum', 'sm_active_ppm_us',
    'tensor_active_ppm_sum', 'tensor_active_ppm_us', 'dram_active_ppm_sum', 'dram_active_ppm_us',
    'work_gflop', 'work_peak_gflop', 'work_busy_peak_gflop',
    'moved_megabytes', 'moved_peak_megabytes', 'moved_busy_peak_megabytes',
    'work_output_tokens', 'arrived_output_tokens', 'good_output_tokens',
]) }}
{% endmacro %}

{# Busy, and all the while that a replica held the GPUs: of what is known, over the peak of just that. #}
{% macro mfu(prefix='busy_') %}{{ return(ratio('work_gflop', 'work_' ~ prefix ~ 'peak_gflop')) }}{% endmacro %}
{% macro mbu(prefix='busy_') %}{{ return(ratio('moved_megabytes', 'moved_' ~ prefix ~ 'peak_megabytes')) }}{% endmacro %}

{# The ladder per deployment and `keys`, which are event_date and for hours hour_start. #}
{% macro utilisation_ladder(keys) %}
with
hours as (
    select
        hours.*,
        hours.assigned_us - hours.not_ready_us as ready_us,
        hours.gauge_busy_us * hours.max_num_seqs as slot_us,
        -- A peak counts where the work is known, and work where the peak is.
        {% for work, peak in [('work', 'peak_gflop'), ('moved', 'peak_megabytes')] -%}
        {% for prefix in ['', 'busy_'] -%}
        case when {{ work }}_source is not null then {{ prefix }}{{ peak }} end as {{ work }}_{{ prefix }}{{ peak }},
        {% endfor -%}
        {% endfor -%}
        slo.arrived_output_tokens,
        slo.good_output_tokens,
        -- The most that an hour of the date made while it kept its objectives, per busy GPU-second.
        max(case
            when slo.judged_count >= {{ var('slo_minimum_count') }}
                and slo.attained_count >= cast('{{ var("slo_target_ratio") }}' as double) * slo.judged_count
                then {{ ratio('hours.work_output_tokens', 'hours.busy_us') }} * 1000000e0
        end) over (partition by hours.deployment_id, hours.event_date) as feasible_rate
    from {{ ref('int_deployments__hours') }} as hours
    left join {{ ref('int_deployments__slo_hours') }} as slo
        on hours.deployment_id = slo.deployment_id and hours.hour_index = slo.hour_index
    where {{ is_restated('hours.event_date') }}
),

-- GPUs that nobody holds have a row per site, so that the first rung sums to what is paid.
unallocated as (
    select
        '(unallocated) ' || states.site_id as deployment_id,
        {{ hour_start('states.hour_index') }} as hour_start,
        {{ hour_date('states.hour_index') }} as event_date,
        sites.region,
        cast(sum(states.state_us) as bigint) as paid_us
    from {{ ref('int_gpu__state_hours') }} as states
    inner join {{ ref('int_fleet__sites') }} as sites on states.site_id = sites.site_id
    where
        states.deployment_id is null
        and {{ is_restated_hour('states.hour_index') }}
        and not exists (
            -- The rest of an hour in which a replica held the GPU is paid by that replica's deployment.
            select 1 from {{ ref('int_gpu__replica_hours') }} as held
            where held.gpu_uuid = states.gpu_uuid and held.hour_index = states.hour_index
        )
    group by states.site_id, states.hour_index, sites.region
),

rows_of_both as (
    select
        deployment_id, hour_start, event_date, model, tier, region, work_source, moved_source, feasible_rate,
        {% for name in ladder_sums() -%}
        {% if name == 'running_sum' -%}
        case when slot_us is not null then running_sum end as running_sum,
        {% elif name in ['work_gflop', 'moved_megabytes'] -%}
        {% set peak = 'busy_peak_gflop' if name == 'work_gflop' else 'busy_peak_megabytes' -%}
        case when {{ peak }} is not null then {{ name }} end as {{ name }},
        {% else -%}
        {{ name }}{{ "," if not loop.last }}
        {% endif -%}
        {% endfor %}
    from hours
    union all
    select
        deployment_id, hour_start, event_date, null, null, region, null, null, null,
        {% for name in ladder_sums() -%}
        {{ name if name == 'paid_us' else ('0' if name in ['assigned_us', 'ready_us', 'busy_us'] else 'null') }}
        {{- "," if not loop.last }}
        {% endfor %}
    from unallocated
),

summed as (
    select
        deployment_id, {{ keys | join(', ') }}, model, tier, region,
        max(feasible_rate) as feasible_rate,
        {% for name in ['work', 'moved'] -%}
        -- In alphabetical order engine, facts, facts_at_most: without the first the last holds for all.
        case when min({{ name }}_source) = 'engine' and max({{ name }}_source) <> 'engine' then 'mixed'
            else max({{ name }}_source)
        end as {{ name }}_source,
        {% endfor -%}
        {% for name in ladder_sums() -%}
        sum({{ name }}) as {{ name }}{{ "," if not loop.last }}
        {% endfor %}
    from rows_of_both
    group by deployment_id, {{ keys | join(', ') }}, model, tier, region
)

select
    deployment_id,
    {{ keys | join(',\n    ') }},
    model,
    tier,
    region,
    paid_us / 3600000000e0 as gpu_hours_paid,
    {% for rung, part, whole in [
        ('allocation', 'assigned_us', 'paid_us'), ('ready', 'ready_us', 'assigned_us'), ('busy', 'busy_us', 'ready_us'),
    ] -%}
    {{ ratio(part, whole) }} as {{ rung }}_util_ratio,
    {{ whole }} / 3600000000e0 as {{ rung }}_util_den,
    {% endfor -%}
    {{ ratio('running_sum', 'slot_us') }} / 1000e0 as batch_fill_ratio,
    slot_us / 3600000000e0 as batch_fill_den,
    {% for name in ['gpu_util', 'sm_active', 'tensor_active', 'dram_active'] -%}
    {{ ratio(name ~ '_ppm_sum', name ~ '_ppm_us') }} / 1000000e0 as mean_{{ name }}_ratio,
    {{ name }}_ppm_us / 3600000000e0 as mean_{{ name }}_den,
    {% endfor -%}
    {{ mfu() }} as mfu_ratio,
    {{ mfu('') }} as wall_mfu_ratio,
    work_busy_peak_gflop / 1000000e0 as mfu_den,
    work_source as mfu_source,
    {{ mbu() }} as mbu_ratio,
    {{ mbu('') }} as wall_mbu_ratio,
    moved_busy_peak_megabytes / 1000000e0 as mbu_den,
    moved_source as mbu_source,
    -- What fell into the hours, as far as what arrived in them was good.
    {{ ratio('work_output_tokens', 'busy_us') }} * 1000000e0 / nullif(feasible_rate, 0e0)
    * {{ ratio('good_output_tokens', 'arrived_output_tokens') }} as goodput_util_ratio,
    busy_us / 1000000e0 * feasible_rate as goodput_util_den,
    {{ ratio('work_output_tokens', 'paid_us') }} * 1000000e0 / nullif(feasible_rate, 0e0) as effective_util_ratio
from summed
{% endmacro %}
