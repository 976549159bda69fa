{# Windows of a meter under a tariff, `seen`, once for all of them (`any`) and once for each period of
   time-of-use demand that they lie in. #}
{% macro windows_by_tariff_period() -%}
select seen.*, 'any' as component, cast(0 as bigint) as tariff_period
from seen
union all
select seen.*, 'demand_tou', schedule.period
from seen
inner join {{ ref('int_tariffs__schedule') }} as schedule
    on
        seen.tariff_id = schedule.tariff_id
        and seen.tariff_from_us = schedule.valid_from_us
        and schedule.component = 'demand_tou'
        and seen.month = schedule.month
        and seen.hour = schedule.hour
        and seen.day_type = schedule.day_type
{%- endmacro %}
