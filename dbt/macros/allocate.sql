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
