-- How much energy does an output token take, at the accelerator and at the facility, and how much carbon?
select
    model,
    region,
    sum(accelerator_kwh) * 3.6e6 / nullif(sum(case when accelerator_kwh is not null then output_total_tokens end), 0)
        as accelerator_joules_per_output_token,
    sum(facility_kwh) * 3.6e6 / nullif(sum(case when facility_kwh is not null then output_total_tokens end), 0)
        as facility_joules_per_output_token,
    sum(carbon_location_grams) / nullif(sum(facility_kwh), 0) as carbon_grams_per_kwh
from {{ ref('rpt_energy') }}
group by model, region
order by facility_joules_per_output_token desc nulls last, model asc, region asc
