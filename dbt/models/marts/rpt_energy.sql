with
intensity as (
    select
        grid_zone,
        hour_index,
        sum(milligrams * overlap_us) as milligram_us,
        sum(overlap_us) as covered_us
    from {{ ref('int_energy__grid_hours') }}
    where method = 'average'
    group by grid_zone, hour_index
),

hours as (
    select
        cast({{ hour_start('energy.hour_index') }} as date) as event_date,
        deployments.model,
        deployments.tier,
        deployments.region,
        energy.assigned_us,
        energy.measured_us,
        energy.energy_mj,
        energy.busy_mj,
        energy.facility_mj,
        energy.pue_ppm,
        energy.is_metered,
        energy.checked_power_mj,
        energy.checked_counter_mj,
        -- mJ / 3.6e9 = kWh; × mg per kWh = mg. Kept whole so that sums do not depend on their order.
        cast({{ int_div(
            'cast(energy.facility_mj as ' ~ big_integer() ~ ') * intensity.milligram_us',
            'nullif(intensity.covered_us, 0) * 3600000'
        ) }} as bigint) as carbon_micrograms
    from {{ ref('int_energy__deployment_hours') }} as energy
    inner join {{ ref('int_fleet__deployments') }} as deployments
        on energy.deployment_id = deployments.deployment_id
    left join intensity
        on energy.grid_zone = intensity.grid_zone and energy.hour_index = intensity.hour_index
    where {{ is_restated_hour('energy.hour_index') }}
),

energy as (
    select
        event_date,
        model,
        tier,
        region,
        sum(assigned_us) as assigned_us,
        sum(measured_us) as measured_us,
        {{ known_sum('energy_mj') }} as energy_mj,
        {{ known_sum('busy_mj') }} as busy_mj,
        {{ known_sum('facility_mj') }} as facility_mj,
        {{ known_sum('carbon_micrograms') }} as carbon_micrograms,
        sum(cast(energy_mj as {{ big_integer() }}) * pue_ppm) as pue_weighted,
        sum(checked_power_mj) as checked_power_mj,
        sum(checked_counter_mj) as checked_counter_mj,
        count(case when is_metered then 1 end) as metered_count,
        count(*) as hour_count
    from hours
    group by event_date, model, tier, region
),

requests as (
    select event_date, model, tier, region, served_count, input_total_tokens, output_total_tokens
    from {{ ref('int_costs__unit_groups') }}
)

select
    energy.event_date,
    energy.model,
    energy.tier,
    energy.region,
    energy.energy_mj / 3.6e9 as accelerator_kwh,
    energy.facility_mj / 3.6e9 as facility_kwh,
    energy.busy_mj / 3.6e9 as accelerator_busy_kwh,
    {{ ratio('energy.energy_mj', 'requests.output_total_tokens') }} / 1e3
        as joules_per_output_token_accelerator,
    {{ ratio('energy.energy_mj', 'requests.input_total_tokens + requests.output_total_tokens') }} / 1e3
        as joules_per_total_token_accelerator,
    {{ ratio('energy.busy_mj', 'requests.output_total_tokens') }} / 1e3
        as joules_per_output_token_accelerator_busy,
    {{ ratio('energy.facility_mj', 'requests.output_total_tokens') }} / 1e3
        as joules_per_output_token_facility,
    {{ ratio('energy.facility_mj', 'requests.served_count') }} / 3.6e6 as wh_per_request_facility,
    {{ ratio('energy.pue_weighted', 'energy.energy_mj') }} / 1e6 as pue_ratio,
    {{ ratio('energy.facility_mj', 'energy.energy_mj') }} as facility_to_accelerator_ratio,
    {{ ratio('energy.metered_count', 'energy.hour_count') }} as metered_hours_ratio,
    {{ ratio('energy.measured_us', 'energy.assigned_us') }} as measured_gpu_hours_ratio,
    {{ ratio('energy.checked_counter_mj - energy.checked_power_mj', 'energy.checked_counter_mj') }}
        as counter_residual_ratio,
    energy.checked_counter_mj / 3.6e9 as counter_residual_den,
    energy.carbon_micrograms / 1e6 as carbon_location_grams,
    requests.output_total_tokens as output_total_tokens,
    requests.served_count as served_count
from energy
left join requests
    on
        energy.event_date = requests.event_date and energy.model = requests.model
        and energy.tier = requests.tier and energy.region = requests.region
