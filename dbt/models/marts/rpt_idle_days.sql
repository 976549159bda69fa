{% set weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] %}
{% set states = ['busy', 'ready_empty', 'not_ready', 'unallocated'] %}
{% set causes = ['ready_empty', 'not_ready', 'unallocated', 'headroom', 'unobserved'] %}
with
hours as (
    select
        {{ hour_date('states.hour_index') }} as event_date,
        sites.region,
        sum(states.state_us) as paid_us,
        {% for state in states -%}
        sum(case when states.state = '{{ state }}' then states.state_us else 0 end) as {{ state }}_us{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_gpu__state_hours') }} as states
    inner join {{ ref('int_fleet__sites') }} as sites on states.site_id = sites.site_id
    where {{ is_restated_hour('states.hour_index') }}
    group by {{ hour_date('states.hour_index') }}, sites.region
),

costs as (
    select
        event_date,
        coalesce(region, '(unknown)') as region,
        {% for cause in causes -%}
        {{ known_sum('cost_usd', "cause = '" ~ cause ~ "'") }} as {{ cause }}_usd,
        {% endfor -%}
        {{ known_sum('cost_usd') }} as idle_usd
    from {{ ref('fct_cost_ledger') }}
    where category = 'idle' and {{ is_restated('event_date') }}
    group by event_date, coalesce(region, '(unknown)')
),

joined as (
    select
        coalesce(hours.event_date, costs.event_date) as event_date,
        coalesce(hours.region, costs.region) as region,
        {{ all_but(['event_date', 'region'], 'hours') }},
        {{ all_but(['event_date', 'region'], 'costs') }}
    from hours
    full outer join costs on hours.event_date = costs.event_date and hours.region = costs.region
)

select
    event_date,
    case {{ day_index('event_date') }} % 7
        {% for weekday in weekdays -%}
        when {{ (loop.index0 + 4) % 7 }} then '{{ weekday }}'
        {% endfor -%}
    end as weekday,
    region,
    paid_us / 3600000000e0 as gpu_hours_paid,
    {% for state in states -%}
    {{ ratio(state ~ '_us', 'paid_us') }} as {{ state }}_share_ratio,
    {% endfor -%}
    {% for cause in causes -%}
    cast({{ cause }}_usd as decimal(38,12)) as {{ cause }}_usd,
    {% endfor -%}
    cast(idle_usd as decimal(38,12)) as idle_usd
from joined
