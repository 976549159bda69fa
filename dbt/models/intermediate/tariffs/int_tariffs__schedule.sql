-- Which period of a tariff holds in which hour of the wall clock.
select
    tariff_id,
    {{ epoch_us('valid_from') }} as valid_from_us,
    component,
    month,
    day_type,
    hour,
    period,
    {{ whole('ratchet_ratio', 1000000) }} as ratchet_ppm
from {{ ref('stg_lake__tariff_schedule') }}
qualify row_number() over (
    partition by tariff_id, valid_from, component, month, day_type, hour
    order by source_file desc, source_digest desc, source_line desc
) = 1
