-- Phase weights of a deployment's month by source: stated in fleet.yaml, measured by the engine, fitted on
-- the deployment's own hours. What was learnt from the months before counts before what the month itself
-- says; a weight that is refused says why and weighs nothing.
with
months as (
    select distinct
        deployment_id,
        extract(year from {{ hour_start('hour_index') }}) * 12
        + extract(month from {{ hour_start('hour_index') }}) - 1 as month_number
    from {{ ref('int_deployments__request_hours') }}
),

learnt as (
    {% for source in ['measured', 'fitted'] -%}
    select
        '{{ source }}' as weight_source,
        deployment_id, month_number, learnt_from, hour_count, first_hour, last_hour,
        prefill_ps, cache_read_ps, decode_ps, prefill_error_ps, cache_read_error_ps, decode_error_ps,
        refusal
    from {{ ref('int_weights__' ~ source) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

preferred as (
    select * from learnt
    qualify row_number() over (
        partition by weight_source, deployment_id, month_number
        -- Alphabetical order is the order of preference: before, with itself.
        order by refusal is not null, learnt_from
    ) = 1
)

select
    months.deployment_id,
    cast(months.month_number as bigint) as month_number,
    'stated' as weight_source,
    cast(null as string) as learnt_from,
    cast(null as bigint) as hour_count,
    cast(null as bigint) as first_hour,
    cast(null as bigint) as last_hour,
    deployments.prefill_weight_ps as prefill_ps,
    deployments.cache_read_weight_ps as cache_read_ps,
    deployments.decode_weight_ps as decode_ps,
    cast(null as bigint) as prefill_error_ps,
    cast(null as bigint) as cache_read_error_ps,
    cast(null as bigint) as decode_error_ps,
    case when deployments.prefill_weight_ps is null then 'fleet.yaml states no weights' end as refusal
from months
inner join {{ ref('int_fleet__deployments') }} as deployments
    on months.deployment_id = deployments.deployment_id
union all
select
    preferred.deployment_id,
    cast(preferred.month_number as bigint) as month_number,
    preferred.weight_source,
    preferred.learnt_from,
    preferred.hour_count,
    preferred.first_hour,
    preferred.last_hour,
    preferred.prefill_ps,
    preferred.cache_read_ps,
    preferred.decode_ps,
    preferred.prefill_error_ps,
    preferred.cache_read_error_ps,
    preferred.decode_error_ps,
    preferred.refusal
from preferred
