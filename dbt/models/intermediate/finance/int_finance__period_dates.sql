-- Each date of each period of `int_finance__periods`.
select
    period,
    {{ day_date('day_number') }} as event_date
from (
    select
        period,
        {{ explode_range(day_index('first_date'), day_index('last_date')) }} as day_number
    from {{ ref('int_finance__periods') }}
) as days
