-- Shapley value of a deployment's peak (metrics: 5.4, M9): the mean, over all orders in which tenants can
-- join, of what each adds to the most requests running at once. Tenants of one seat split it by their peaks.
{% set players = 8 %}
{% set factorials = [1, 1, 2, 6, 24, 120, 720, 5040, 40320] %}
with
games as (
    select * from {{ ref('int_allocation__coalitions') }}
),

seated as (
    select * from {{ ref('int_allocation__seats') }}
),

valued as (
    select
        without.deployment_id,
        without.hour_index,
        chairs.player,
        -- In parts of player_count!, the orders in which the players can join.
        sum((joined.worth - without.worth) * case without.player_count
            {% for count in range(1, players + 1) -%}
            when {{ count }} then case
                {% for player in range(players) -%}
                {{ "+ " if not loop.first }}{{ int_div('without.members', 2 ** player) }} % 2
                {% endfor %}
                {% for size in range(count) -%}
                when {{ size }} then {{ factorials[size] * factorials[count - size - 1] }}
                {% endfor %}
            end
            {% endfor %}
        end) as player_value
    from games as without
    inner join (select {{ explode_range('0', players - 1) }} as player) as chairs
        on {{ int_div('without.members', 'cast(power(2, chairs.player) as bigint)') }} % 2 = 0
    inner join games as joined
        on
            without.deployment_id = joined.deployment_id
            and without.hour_index = joined.hour_index
            and joined.members = without.members + cast(power(2, chairs.player) as bigint)
    group by without.deployment_id, without.hour_index, chairs.player
)

select
    seated.deployment_id,
    seated.hour_index,
    seated.tenant_id,
    seated.own_peak,
    cast({{ int_div(
        'cast(valued.player_value as ' ~ big_integer() ~ ') * 1000000 * seated.own_peak',
        'sum(seated.own_peak) over (partition by seated.deployment_id, seated.hour_index, seated.player)'
    ) }} as {{ big_integer() }}) as peak_share
from seated
inner join valued
    on
        seated.deployment_id = valued.deployment_id
        and seated.hour_index = valued.hour_index
        and seated.player = valued.player
