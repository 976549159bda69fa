-- What each date's marts follow from beside its own requests, as one number per date: equal numbers,
-- equal books. Sums of row hashes, so the order of rows does not matter.
{% set by_hour = [
    'int_deployments__hours', 'int_energy__deployment_hours', 'int_energy__site_hours',
    'int_energy__grid_hours', 'int_gpu__state_hours', 'int_gpu__replica_hours',
    'int_requests__hours',
] %}
with
parts as (
    {% for model in by_hour -%}
    select
        {{ hour_date('source.hour_index') }} as event_date,
        '{{ model }}' as part,
        sum(cast({{ row_hash('source') }} as {{ big_integer() }})) as fingerprint
    from {{ ref(model) }} as source
    group by {{ hour_date('source.hour_index') }}
    union all
    {% endfor -%}
    select
        source.event_date,
        'int_costs__entries' as part,
        sum(cast({{ row_hash('source') }} as {{ big_integer() }})) as fingerprint
    from {{ ref('int_costs__entries') }} as source
    group by source.event_date
    union all
    select
        source.event_date,
        'int_costs__deployment_days' as part,
        sum(cast({{ row_hash('source') }} as {{ big_integer() }})) as fingerprint
    from {{ ref('int_costs__deployment_days') }} as source
    group by source.event_date
    union all
    select
        source.started_date as event_date,
        'int_prices__days' as part,
        sum(cast({{ row_hash('source') }} as {{ big_integer() }})) as fingerprint
    from {{ ref('int_prices__days') }} as source
    group by source.started_date
)

select event_date, part, fingerprint
from parts
