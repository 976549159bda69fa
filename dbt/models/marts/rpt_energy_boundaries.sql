{% set keys = ['event_date', 'model', 'tier', 'region'] %}
{% set measures = ['mj', 'location_micrograms', 'market_micrograms'] %}
{% set big = big_integer() %}
with
hours as (
    select
        {{ hour_date('energy.hour_index') }} as event_date,
        deployments.model,
        deployments.tier,
        deployments.region,
        energy.*,
        carbon.location_micrograms as location_rate,
        carbon.market_micrograms as market_rate,
        carbon.market_source
    from {{ ref('int_energy__deployment_hours') }} as energy
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on energy.deployment_id = deployments.deployment_id
    left join {{ ref('int_energy__carbon_hours') }} as carbon
        on energy.site_id = carbon.site_id and energy.hour_index = carbon.hour_index
    where {{ is_restated_hour('energy.hour_index') }}
),

sites as (
    select
        energy.site_id,
        {{ hour_date('energy.hour_index') }} as event_date,
        {{ known_sum('cast(energy.facility_mj as ' ~ big ~ ')') }} as mj,
        {{ known_sum(per_kwh_of('energy.facility_mj', 'carbon.location_micrograms')) }} as location_micrograms,
        {{ known_sum(per_kwh_of('energy.facility_mj', 'carbon.market_micrograms')) }} as market_micrograms
    from {{ ref('int_energy__site_hours') }} as energy
    left join {{ ref('int_energy__carbon_hours') }} as carbon
        on energy.site_id = carbon.site_id and energy.hour_index = carbon.hour_index
    where {{ is_restated_hour('energy.hour_index') }}
    group by energy.site_id, {{ hour_date('energy.hour_index') }}
),

holders as (
    select
        {{ keys | join(', ') }}, deployment_id, site_id,
        {{ known_sum('cast(facility_mj as ' ~ big ~ ')') }} as held_mj,
        case when count(distinct market_source) = 1 then min(market_source) else 'mixed' end as market_source
    from hours
    group by {{ keys | join(', ') }}, deployment_id, site_id
),

-- All that the site drew, GPUs that nobody holds included, shared by what its deployments drew.
loaded as (
    select
        {{ keys | join(', ') }}, market_source,
        {% for measure in measures -%}
        {{ running_part('site_' ~ measure, 'total_mj', 'before_mj', 'before_mj + held_mj') }}
            as {{ measure }}{{ "," if not loop.last }}
        {% endfor %}
    from (
        select
            holders.*,
            {% for measure in measures -%}
            sites.{{ measure }} as site_{{ measure }},
            {% endfor -%}
            case
                when count(*) over (partition by holders.site_id, holders.event_date)
                    = count(holders.held_mj) over (partition by holders.site_id, holders.event_date)
                    then sum(holders.held_mj) over (partition by holders.site_id, holders.event_date)
            end as total_mj,
            coalesce(sum(holders.held_mj) over (
                partition by holders.site_id, holders.event_date order by holders.deployment_id asc
                rows between unbounded preceding and 1 preceding
            ), 0) as before_mj
        from holders
        inner join sites on holders.site_id = sites.site_id and holders.event_date = sites.event_date
    ) as shared
),

bounded as (
    {% for boundary, columns in {
        'accelerator': ['energy_mj', 'busy_mj'],
        'it': ['it_mj', 'it_busy_mj'],
        'facility': ['facility_mj', 'facility_busy_mj'],
    }.items() -%}
    {% for column in columns -%}
    select
        {{ keys | join(', ') }},
        '{{ boundary }}' as boundary,
        '{{ 'included' if loop.first else 'excluded' }}' as idle_treatment,
        cast({{ column }} as {{ big }}) as mj,
        {{ per_kwh_of(column, 'location_rate') }} as location_micrograms,
        {{ per_kwh_of(column, 'market_rate') }} as market_micrograms,
        market_source
    from hours
    union all
    {% endfor -%}
    {% endfor -%}
    select {{ keys | join(', ') }}, 'fully_loaded', 'included', {{ measures | join(', ') }}, market_source
    from loaded
),

grouped as (
    select
        {{ keys | join(', ') }}, boundary, idle_treatment,
        {% for measure in measures -%}
        {{ known_sum(measure) }} as {{ measure }},
        {% endfor -%}
        case when count(distinct market_source) = 1 then min(market_source) else 'mixed' end as market_source
    from bounded
    group by {{ keys | join(', ') }}, boundary, idle_treatment
)

select
    {% for key in keys -%}
    grouped.{{ key }},
    {% endfor -%}
    grouped.boundary,
    grouped.idle_treatment,
    grouped.mj / 3.6e9 as energy_kwh,
    {{ ratio('grouped.mj', 'tokens.output_total_tokens') }} / 1e3 as joules_per_output_token,
    {{ ratio('grouped.mj', 'tokens.input_total_tokens + tokens.output_total_tokens') }} / 1e3
        as joules_per_total_token,
    {{ ratio('grouped.mj', 'tokens.served_count') }} / 3.6e6 as wh_per_request,
    grouped.location_micrograms / 1e6 as carbon_location_grams,
    grouped.market_micrograms / 1e6 as carbon_market_grams,
    case when grouped.market_micrograms is not null then grouped.market_source end as market_source,
    {{ ratio('grouped.location_micrograms', 'tokens.output_total_tokens') }} as grams_location_per_m_output,
    tokens.input_total_tokens,
    tokens.output_total_tokens,
    tokens.served_count
from grouped
left join {{ ref('int_costs__unit_groups') }} as tokens
    on
        grouped.event_date = tokens.event_date and grouped.model = tokens.model
        and grouped.tier = tokens.tier and grouped.region = tokens.region
