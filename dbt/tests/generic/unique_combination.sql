{# No two rows agree on all columns; nulls agree with nulls. No row lacks one of the required columns: one test
   for all of them, since each test costs a build as much as a small model. Where only the rows of some dates are
   looked at (restated_tests.sql), what equals one of them is of its date if the key names the date, or the hour,
   which is of its date. Any other key of theirs is looked for among the rows of all dates; where the key names the
   `id` of a request, of those dates that have a record of it. #}
{% test unique_combination(model, columns, required=[], id=none) %}
{%- set names = columns | join(', ') -%}
{%- set is_dated = 'event_date' in columns -%}
{%- set is_hourly = 'hour_start' in columns and not is_dated and tested_by_date() -%}
select {{ names }}, 'more than one row' as fault
{% if is_part_tested() and not is_dated and not is_hourly -%}
from {{ tested_by_date().relation_name }} as kept
where
{%- if id %}
event_date in (
    select event_date from {{ graph.nodes['model.' ~ project_name ~ '.int_requests__ids'].relation_name }}
    where request_hash in (select {{ text_hash(id) }} from {{ model }})
)
and
{%- endif %}
exists (
    select 1 from {{ model }}
    where {% for column in columns %}tested.{{ column }} is not distinct from kept.{{ column }}{{ " and " if not loop.last }}{% endfor %}
)
{%- else -%}
from {{ model }}
{%- endif %}
group by {{ names }}
having count(*) > 1
{% if is_hourly -%}
union all
select {{ names }}, 'the hour is not of the date' as fault
from {{ model }}
where cast(hour_start as date) is distinct from event_date
{% endif -%}
{% if required -%}
union all
select {{ names }}, 'a required column is null' as fault
from {{ model }}
where {{ required | join(' is null or ') }} is null
{%- endif %}
{% endtest %}
