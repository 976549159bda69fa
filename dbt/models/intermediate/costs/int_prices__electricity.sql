-- Prices of electricity by interval; of several bases of one price, what a contract costs comes first.
select
    zone,
    market,
    currency,
    price_per_kwh,
    case price_basis
        when 'all_in' then 1 when 'market' then 2 when 'all_in_with_vat' then 3 when 'with_vat' then 4
    end as basis_rank,
    {{ epoch_us('interval_start') }} as from_us,
    {{ epoch_us('interval_start') }} + interval_seconds * 1000000 as to_us
from {{ ref('stg_lake__grid_prices') }}
qualify row_number() over (
    partition by zone, market, price_basis, interval_start, interval_seconds
    order by source_file desc, source_digest desc, source_line desc
) = 1
