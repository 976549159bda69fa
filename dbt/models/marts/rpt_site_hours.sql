-- Made anew as a whole: what waiting would have saved looks at the hours after, which may be of the next date.
{{ config(materialized='table') }}
{% set big = big_integer() %}
with
hours as (
    select
        energy.*,
        {{ hour_date('energy.hour_index') }} as event_date,
        sites.region,
        cast({{ int_div(
            'cast(energy.facility_mj as ' ~ big ~ ') * 1000000', 'case when energy.is_metered then energy.pue_ppm end'
        ) }} as bigint) as it_mj,
        sites.wue_microliters_per_kwh,
        carbon.location_micrograms,
        carbon.market_source,
        {{ per_kwh_of('energy.facility_mj', 'carbon.location_micrograms') }} as location_emitted,
        {{ per_kwh_of('energy.facility_mj', 'carbon.market_micrograms') }} as market_emitted,
        -- 1e-12 USD per kWh.
        {{ sign_of('prices.energy_units') }} * {{ int_div(
            'abs(prices.energy_units) * 3600000000', 'cast(nullif(energy.facility_mj, 0) as ' ~ big ~ ')'
        ) }} as kwh_units
    from {{ ref('int_energy__site_hours') }} as energy
    inner join {{ ref('int_fleet__sites') }} as sites on energy.site_id = sites.site_id
    left join {{ ref('int_energy__carbon_hours') }} as carbon
        on energy.site_id = carbon.site_id and energy.hour_index = carbon.hour_index
    left join {{ ref('int_costs__energy_prices') }} as prices
        on energy.site_id = prices.site_id and energy.hour_index = prices.hour_index
),

-- At or below the lower quartile of the day, and no hour where all are alike.
days as (
    select
        site_id,
        event_date,
        {% for column in ['location_micrograms', 'kwh_units'] -%}
        percentile_disc(0.25) within group (order by {{ column }} asc) as {{ column }}_quarter,
        max({{ column }}) as {{ column }}_most{{ "," if not loop.last }}
        {% endfor %}
    from hours
    group by site_id, event_date
),

waiting as (
    select
        energy.site_id,
        energy.hour_index,
        energy.deployment_id,
        deployments.deferrable_hours,
        energy.facility_busy_mj,
        counted.output_total_tokens
    from {{ ref('int_energy__deployment_hours') }} as energy
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on energy.deployment_id = deployments.deployment_id
    left join {{ ref('int_deployments__request_hours') }} as counted
        on energy.deployment_id = counted.deployment_id and energy.hour_index = counted.hour_index
    where deployments.deferrable_hours is not null
),

choices as (
    select
        site_id,
        hour_index,
        deployment_id,
        {{ explode_range('0', 'deferrable_hours') }} as hours_later
    from waiting
),

best as (
    select
        choices.site_id,
        choices.hour_index,
        choices.deployment_id,
        min(hours.location_micrograms) as best_micrograms,
        min(hours.kwh_units) as best_units
    from choices
    inner join hours
        on choices.site_id = hours.site_id and choices.hour_index + choices.hours_later = hours.hour_index
    group by choices.site_id, choices.hour_index, choices.deployment_id
),

moved as (
    select
        waiting.site_id,
        waiting.hour_index,
        {{ known_sum('cast(waiting.facility_busy_mj as ' ~ big ~ ')') }} as deferrable_mj,
        cast(sum(coalesce(waiting.output_total_tokens, 0)) as bigint) as deferrable_output_tokens,
        {{ known_sum(per_kwh_of(
            'waiting.facility_busy_mj', 'hours.location_micrograms - best.best_micrograms'
        )) }} as saved_micrograms,
        {{ known_sum(per_kwh_of('waiting.facility_busy_mj', 'hours.kwh_units - best.best_units')) }}
            as saved_units
    from waiting
    inner join hours on waiting.site_id = hours.site_id and waiting.hour_index = hours.hour_index
    inner join best
        on
            waiting.site_id = best.site_id
            and waiting.hour_index = best.hour_index
            and waiting.deployment_id = best.deployment_id
    group by waiting.site_id, waiting.hour_index
)

select
    hours.site_id,
    {{ hour_start('hours.hour_index') }} as hour_start,
    hours.event_date,
    hours.region,
    hours.gpu_energy_mj / 3.6e9 as accelerator_kwh,
    hours.it_mj / 3.6e9 as it_kwh,
    hours.facility_mj / 3.6e9 as facility_kwh,
    hours.is_metered,
    {{ ratio('hours.facility_mj', 'hours.it_mj') }} as pue_ratio,
    {{ ratio('hours.it_mj', '3600000000') }} * hours.wue_microliters_per_kwh / 1e6 as water_liters,
    {{ ratio('hours.location_emitted', 'hours.it_mj') }} * 3.6 as cue_kg_per_kwh,
    hours.location_micrograms / 1e6 as grid_grams_per_kwh,
    hours.location_emitted / 1e6 as carbon_location_grams,
    hours.market_emitted / 1e6 as carbon_market_grams,
    hours.market_source,
    {{ money('hours.kwh_units') }} as energy_usd_per_kwh,
    hours.location_micrograms <= days.location_micrograms_quarter
    and hours.location_micrograms < days.location_micrograms_most as is_clean_hour,
    hours.kwh_units <= days.kwh_units_quarter and hours.kwh_units < days.kwh_units_most as is_cheap_hour,
    moved.deferrable_mj / 3.6e9 as deferrable_kwh,
    moved.deferrable_output_tokens,
    moved.saved_micrograms / 1e6 as saved_by_waiting_grams,
    {{ money('moved.saved_units') }} as saved_by_waiting_usd
from hours
inner join days on hours.site_id = days.site_id and hours.event_date = days.event_date
left join moved on hours.site_id = moved.site_id and hours.hour_index = moved.hour_index
