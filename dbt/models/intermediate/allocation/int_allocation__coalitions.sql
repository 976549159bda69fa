-- What each coalition of a deployment's tenants is worth in an hour: the most requests that it has running
-- at once. Eight play; where there are more tenants, those beyond the seven largest play as one.
{% set players = 8 %}
with
changes as (
    select * from {{ ref('int_allocation__load_changes') }}
),

seated as (
    select * from {{ ref('int_allocation__seats') }}
),

loads as (
    select distinct
        deployment_id, hour_index,
        {% for player in range(players) -%}
        load_{{ player }}{{ "," if not loop.last }}
        {% endfor %}
    from (
        select
            moments.deployment_id,
            moments.hour_index,
            {% for player in range(players) -%}
            sum(sum(case when seated.player = {{ player }} then moments.change else 0 end)) over (
                partition by moments.deployment_id, moments.hour_index order by moments.at_us asc
            ) as load_{{ player }}{{ "," if not loop.last }}
            {% endfor %}
        from changes as moments
        inner join seated
            on
                moments.deployment_id = seated.deployment_id
                and moments.hour_index = seated.hour_index
                and moments.tenant_id is not distinct from seated.tenant_id
        group by moments.deployment_id, moments.hour_index, moments.at_us
    ) as at_moments
),

worths as (
    select
        loads.deployment_id,
        loads.hour_index,
        members.members,
        max(
            {% for player in range(players) -%}
            {{ "+ " if not loop.first }}{{ int_div('members.members', 2 ** player) }} % 2 * loads.load_{{ player }}
            {% endfor %}
        ) as worth
    from loads
    cross join (select {{ explode_range('0', 2 ** players - 1) }} as members) as members
    group by loads.deployment_id, loads.hour_index, members.members
)

select
    worths.*,
    seats.player_count
from worths
inner join (select distinct deployment_id, hour_index, player_count from seated) as seats
    on worths.deployment_id = seats.deployment_id and worths.hour_index = seats.hour_index
-- Empty seats play in no coalition.
where worths.members < case seats.player_count
    {% for count in range(1, players + 1) -%}
    when {{ count }} then {{ 2 ** count }}
    {% endfor %}
end
