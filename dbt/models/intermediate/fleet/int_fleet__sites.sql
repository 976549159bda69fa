select
    site_id,
    region,
    time_zone,
    {{ whole('pue_ratio', 1000000) }} as pue_ppm,
    facility_meter_id,
    it_meter_id,
    tariff_id,
    grid_zone,
    {{ whole('wue_liters_per_kwh', 1000000) }} as wue_microliters_per_kwh,
    currency,
    operator_name
from {{ ref('stg_lake__fleet_sites') }}
qualify row_number() over (
    partition by site_id
    order by valid_from desc, source_file desc, source_digest desc, source_line desc
) = 1
