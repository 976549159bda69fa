{# Alarms carry the query that shows them, so values become literals of SQL again. #}
{% macro quoted(x) -%}
(chr(39) || replace(cast({{ x }} as string), chr(39), chr(39) || chr(39)) || chr(39))
{%- endmacro %}

{# End of a query about one day of a deployment. #}
{% macro of_deployment_day(deployment_id, event_date) -%}
' where deployment_id = ' || {{ quoted(deployment_id) }} || ' and event_date = date ' || {{ quoted(event_date) }}
|| ' order by all'
{%- endmacro %}
