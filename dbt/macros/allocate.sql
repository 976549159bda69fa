{# Largest remainder over integers.

   Splits each measure of `relation` over the rows of a partition in proportion to the integer `weight`:
   floor, then one unit each to the largest remainders, ties by `order_by`. The parts add up to the
   measure exactly. Negative measures are split by their size and negated. Where the weights of a
   partition add up to 0, or the measure is null, the part is null: the caller says where it goes.

   relation: name of a relation or CTE whose measure is constant within a partition.
   partition: columns. order_by: columns that make the order total. measures: {output: measure}. #}
{% macro allocate(relation, partition, weight, order_by, measures) %}
select
    {% for column in measures %}
    {%- set n = loop.index -%}
    {{ sign_of('measure_' ~ n) }} * (
        base_{{ n }} + case
            when row_number() over (
                partition by {{ partition | join(', ') }}
                order by remainder_{{ n }} desc nulls last, {{ order_by | join(', ') }}
            ) <= abs(measure_{{ n }}) - sum(base_{{ n }}) over (partition by {{ partition | join(', ') }})
                then 1
            else 0
        end
    ) as {{ column }},
    {% endfor %}
    floored.*
from (
    select
        {% for measure in measures.values() %}
        {%- set n = loop.index -%}
        {%- set product = "abs(cast(" ~ measure ~ " as " ~ big_integer() ~ ")) * " ~ weight -%}
        {%- set total = "nullif(weight_total, 0)" -%}
        {{ measure }} as measure_{{ n }},
        {{ int_div(product, total) }} as base_{{ n }},
        ({{ product }}) % {{ total }} as remainder_{{ n }},
        {% endfor %}
        weighed.*
    from (
        select
            *,
            sum({{ weight }}) over (partition by {{ partition | join(', ') }}) as weight_total
        from {{ relation }}
    ) as weighed
) as floored
{% endmacro %}

{# Columns that `allocate` adds beside its outputs, for `n` measures. #}
{% macro allocate_columns(n) %}
{%- set added = ['weight_total'] -%}
{%- for i in range(1, n + 1) -%}
{%- do added.extend(['measure_' ~ i, 'base_' ~ i, 'remainder_' ~ i]) -%}
{%- endfor -%}
{{ return(added) }}
{% endmacro %}

{# Part of a whole measure that falls on [before, after) of the running sum of weights, out of `total`.
   Adjoining parts are differences of one running floor, so they add up exactly, at one window sum instead
   of a sort by remainders. Negative measures are split by their size and negated. #}
{% macro running_part(measure, total, before, after) -%}
{%- set size = "abs(cast(" ~ measure ~ " as " ~ big_integer() ~ "))" -%}
({{ sign_of(measure) }} * (
    {{ int_div(size ~ " * (" ~ after ~ ")", "nullif(" ~ total ~ ", 0)") }}
    - {{ int_div(size ~ " * (" ~ before ~ ")", "nullif(" ~ total ~ ", 0)") }}
))
{%- endmacro %}
