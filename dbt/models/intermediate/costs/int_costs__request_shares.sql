-- What an attempt bears: its part, by weight, of the money of its group in each hour, of the energy of the
-- hour, and of the idle and overhead of its day. One running sum within the group places it in all of them. Of the
-- dates that are made again only: what other attempts bear, their facts hold.
{% set key = [
    'deployment_id', 'hour_index', 'tenant_id', 'category', 'cause', 'started_date', 'is_split', 'has_classes'
] %}
{% set measures = {
    'accelerator_units': 'part', 'electricity_units': 'part', 'other_units': 'part',
    'busy_mj': 'hour', 'facility_busy_mj': 'hour', 'marginal_units': 'hour',
    'idle_units': 'day', 'overhead_units': 'day',
} %}
with
pooled as (
    select
        parts.emitter,
        parts.request_id,
        parts.deployment_id,
        parts.hour_index,
        parts.tenant_id,
        case when parts.is_served then 'served' else 'waste' end as category,
        parts.cause,
        parts.started_date,
        parts.is_split,
        parts.has_classes,
        pools.pool,
        case pools.pool
            when 'prefill' then parts.prefill_part + parts.cache_read_part
            when 'decode' then parts.decode_part
            else parts.prefill_part + parts.cache_read_part + parts.decode_part
        end as weight
    from {{ ref('int_allocation__parts') }} as parts
    inner join {{ ref('int_allocation__pools') }} as pools
        on parts.deployment_id = pools.deployment_id and parts.hour_index = pools.hour_index
    where {{ is_made_again('parts.started_date', 'int_books__restated_dates') }}
),

placed as (
    select
        *,
        sum(weight) over (
            partition by {{ key | join(', ') }}, pool order by emitter asc, request_id asc
        ) as reached
    from pooled
    where weight > 0
),

shares as (
    select
        placed.emitter,
        placed.request_id,
        placed.started_date,
        shared.is_costed,
        shared.has_missing_rate,
        {% for measure, scope in measures.items() -%}
        {{ running_part(
            'shared.' ~ measure, 'shared.' ~ scope ~ '_weight',
            'shared.' ~ scope ~ '_before + placed.reached - placed.weight',
            'shared.' ~ scope ~ '_before + placed.reached'
        ) }} as {{ measure }}{{ "," if not loop.last }}
        {% endfor %}
    from placed
    inner join {{ ref('int_costs__shared') }} as shared
        on
            placed.pool = shared.pool
            {% for column in key -%}
            and placed.{{ column }} {{ 'is not distinct from' if column in ('tenant_id', 'cause') else '=' }} shared.{{ column }}
            {% endfor %}
)

select
    emitter,
    request_id,
    started_date,
    bool_or(is_costed) as is_costed,
    bool_or(has_missing_rate) as has_missing_rate,
    sum(accelerator_units) as accelerator_units,
    sum(electricity_units) as electricity_units,
    sum(other_units) as other_units,
    {{ known_sum('busy_mj') }} as busy_mj,
    {{ known_sum('facility_busy_mj') }} as facility_busy_mj,
    {{ known_sum('marginal_units') }} as marginal_units,
    -- Idle and overhead are those of the day, whatever the hour.
    {{ known_sum('idle_units') }} as idle_units,
    {{ known_sum('overhead_units') }} as overhead_units
from shares
group by emitter, request_id, started_date
