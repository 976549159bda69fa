-- Each tenant's own peak in an hour, and its seat in the game: the seven largest have one each, the others
-- share the eighth.
{% set players = 8 %}
with
loads as (
    select
        *,
        sum(change) over (
            partition by deployment_id, hour_index, tenant_id order by at_us asc
        ) as running
    from {{ ref('int_allocation__load_changes') }}
),

peaks as (
    select deployment_id, hour_index, tenant_id, max(running) as own_peak
    from loads
    group by deployment_id, hour_index, tenant_id
)

select
    *,
    least({{ players - 1 }}, row_number() over (
        partition by deployment_id, hour_index order by own_peak desc, tenant_id asc nulls last
    ) - 1) as player,
    least({{ players }}, count(*) over (partition by deployment_id, hour_index)) as player_count
from peaks
