-- How a deployment's hour is split between its requests: the method in force, and what it weighs by. Without
-- usable weights, `refusal` says why and nothing is weighed.
with
hours as (
    select
        deployment_id,
        hour_index,
        extract(year from {{ hour_start('hour_index') }}) * 12
        + extract(month from {{ hour_start('hour_index') }}) - 1 as month_number
    from {{ ref('int_deployments__request_hours') }}
),

chosen as (
    select
        hours.*,
        allocations.method,
        allocations.weight_source
    from hours
    inner join {{ ref('int_fleet__allocations') }} as allocations
        on
            hours.deployment_id = allocations.deployment_id
            and hours.hour_index * {{ hour_us() }} >= allocations.valid_from_us
            and hours.hour_index * {{ hour_us() }} < allocations.valid_to_us
),

weighed as (
    select
        chosen.*,
        months.weight_source as used_source,
        months.prefill_ps,
        months.cache_read_ps,
        months.decode_ps,
        months.refusal
    from chosen
    left join {{ ref('int_weights__months') }} as months
        on
            chosen.method = 'phase-weighted'
            and chosen.deployment_id = months.deployment_id
            and chosen.month_number = months.month_number
            and (chosen.weight_source = 'auto' or chosen.weight_source = months.weight_source)
    qualify row_number() over (
        partition by chosen.deployment_id, chosen.hour_index
        order by
            months.refusal is not null,
            case months.weight_source when 'stated' then 1 when 'measured' then 2 else 3 end
    ) = 1
)

select
    weighed.deployment_id,
    weighed.hour_index,
    weighed.method,
    weighed.used_source,
    case
        when weighed.method <> 'phase-weighted' then weighed.method
        when weighed.refusal is null and weighed.used_source is not null
            then 'phase-weights(' || weighed.used_source || ')'
    end as label,
    case
        when weighed.method = 'phase-weighted'
            then coalesce(weighed.refusal, case when weighed.used_source is null then 'no hour is busy' end)
    end as refusal,
    case when weighed.refusal is null then weighed.prefill_ps end as prefill_ps,
    case when weighed.refusal is null then weighed.cache_read_ps end as cache_read_ps,
    case when weighed.refusal is null then weighed.decode_ps end as decode_ps,
    deployments.flops_per_token,
    deployments.flops_per_context,
    deployments.flops_per_logit,
    deployments.weight_bytes,
    deployments.kv_bytes_per_token
from weighed
inner join {{ ref('int_fleet__deployments') }} as deployments
    on weighed.deployment_id = deployments.deployment_id
