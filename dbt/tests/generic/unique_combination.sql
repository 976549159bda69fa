{# No two rows agree on all columns; nulls agree with nulls. No row lacks one of the required columns: one test
   for all of them, since each test costs a build as much as a small model. #}
{% test unique_combination(model, columns, required=[]) %}
select {{ columns | join(', ') }}, 'more than one row' as fault
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% if required -%}
union all
select {{ columns | join(', ') }}, 'a required column is null' as fault
from {{ model }}
where {{ required | join(' is null or ') }} is null
{%- endif %}
{% endtest %}
