-- Active and marginal cost of an attempt by token class, split by the same phase weights.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date') }}"
) }}
{% set costs = ['active', 'marginal'] %}
with
attempts as (
    select
        measured.emitter,
        measured.request_id,
        measured.started_date,
        measured.prefill_weight,
        measured.cache_read_weight,
        nullif(
            measured.prefill_weight + measured.cache_read_weight + measured.decode_weight, 0
        ) as weight,
        active.accelerator_units,
        case when not active.has_missing_rate then
            coalesce(active.accelerator_units, 0) + coalesce(active.electricity_units, 0)
            + coalesce(active.other_units, 0)
        end as active_units,
        energy.marginal_units
    from {{ ref('int_requests__measured') }} as measured
    left join {{ ref('int_costs__request_active') }} as active
        on measured.emitter = active.emitter and measured.request_id = active.request_id
    left join {{ ref('int_costs__request_energy') }} as energy
        on measured.emitter = energy.emitter and measured.request_id = energy.request_id
    where
        measured.is_engine_work
        and {{ is_restated('measured.started_date') }}
        -- Where the cached part is unknown, so is the split of the input.
        and measured.input_uncached_tokens is not null
),

split as (
    select
        *,
        {% for cost in costs -%}
        {{ int_div(cost ~ '_units * prefill_weight', 'weight') }} as {{ cost }}_input_units,
        {{ int_div(cost ~ '_units * cache_read_weight', 'weight') }} as {{ cost }}_cache_read_units{{ "," if not loop.last }}
        {% endfor %}
    from attempts
)

select
    emitter,
    request_id,
    started_date,
    {% for cost in costs -%}
    {{ cost }}_units,
    {{ cost }}_input_units,
    {{ cost }}_cache_read_units,
    {{ cost }}_units - {{ cost }}_input_units - {{ cost }}_cache_read_units as {{ cost }}_output_units{{ "," if not loop.last }}
    {% endfor %}
from split
