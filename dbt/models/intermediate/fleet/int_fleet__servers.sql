select
    server_id,
    site_id,
    hostname,
    gpu_model,
    gpu_count,
    ownership,
    purchase_price,
    residual_value,
    useful_life_months,
    currency,
    discount_rate_ratio,
    opex_per_year,
    {{ whole('host_share_ratio', 1000000) }} as host_share_ppm,
    {{ whole('gpu_rated_watts', 1000) }} as gpu_rated_mw,
    valid_from,
    valid_to,
    {{ epoch_us('valid_from') }} as valid_from_us,
    coalesce({{ epoch_us('valid_to') }}, {{ forever_us() }}) as valid_to_us
from {{ ref('stg_lake__fleet_servers') }}
qualify row_number() over (
    partition by server_id
    order by valid_from desc, source_file desc, source_digest desc, source_line desc
) = 1
