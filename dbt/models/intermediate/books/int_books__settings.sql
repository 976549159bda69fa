-- How the books are kept: as the fleet says last.
select calendar, time_zone
from {{ ref('stg_lake__fleet_books') }}
qualify row_number() over (order by valid_from desc, source_file desc) = 1
