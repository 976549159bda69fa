with
deployments as (
    select
        deployment_id,
        hour_start,
        event_date,
        model,
        tier,
        region,
        paid_us,
        assigned_us,
        assigned_us - not_ready_us as ready_us,
        busy_us,
        running_sum,
        gauge_busy_us * max_num_seqs as slot_us,
        batch_fill_ratio,
        gpu_util_ppm_sum, gpu_util_ppm_us,
        sm_active_ppm_sum, sm_active_ppm_us,
        tensor_active_ppm_sum, tensor_active_ppm_us,
        dram_active_ppm_sum, dram_active_ppm_us
    from {{ ref('int_deployments__hours') }}
    where {{ is_restated('event_date') }}
),

-- GPUs that nobody holds have a row per site, so that the first rung sums to what is paid.
unallocated as (
    select
        '(unallocated) ' || states.site_id as deployment_id,
        {{ hour_start('states.hour_index') }} as hour_start,
        sites.region,
        cast(sum(states.state_us) as bigint) as paid_us
    from {{ ref('int_gpu__state_hours') }} as states
    inner join {{ ref('int_fleet__sites') }} as sites on states.site_id = sites.site_id
    where
        states.deployment_id is null
        and {{ is_restated(hour_date('states.hour_index')) }}
        and not exists (
            -- The rest of an hour in which a replica held the GPU is paid by that replica's deployment.
            select 1 from {{ ref('int_gpu__replica_hours') }} as held
            where held.gpu_uuid = states.gpu_uuid and held.hour_index = states.hour_index
        )
    group by states.site_id, states.hour_index, sites.region
)

select
    deployment_id,
    hour_start,
    event_date,
    model,
    tier,
    region,
    paid_us / 3600000000e0 as gpu_hours_paid,
    {{ ratio('assigned_us', 'paid_us') }} as allocation_util_ratio,
    paid_us / 3600000000e0 as allocation_util_den,
    {{ ratio('ready_us', 'assigned_us') }} as ready_util_ratio,
    assigned_us / 3600000000e0 as ready_util_den,
    {{ ratio('busy_us', 'ready_us') }} as busy_util_ratio,
    ready_us / 3600000000e0 as busy_util_den,
    batch_fill_ratio,
    slot_us / 3600000000e0 as batch_fill_den,
    {% for name in ['gpu_util', 'sm_active', 'tensor_active', 'dram_active'] -%}
    {{ ratio(name ~ '_ppm_sum', name ~ '_ppm_us') }} / 1000000e0 as mean_{{ name }}_ratio,
    {{ name }}_ppm_us / 3600000000e0 as mean_{{ name }}_den{{ "," if not loop.last }}
    {% endfor %}
from deployments
union all
select
    deployment_id,
    hour_start,
    cast(hour_start as date) as event_date,
    cast(null as string) as model,
    cast(null as string) as tier,
    region,
    paid_us / 3600000000e0 as gpu_hours_paid,
    0e0 as allocation_util_ratio,
    paid_us / 3600000000e0 as allocation_util_den,
    {% for _ in range(14) -%}
    null{{ "," if not loop.last }}
    {% endfor %}
from unallocated
