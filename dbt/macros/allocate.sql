{# Whole part of a · w / total and what it leaves, for 0 <= w <= total. Where the product may have more digits
   than a whole number holds (a day's idle of ten thousand GPUs times the picoseconds that they were busy), a
   is taken in two parts, as in long division: exact up to a total of 4e28 and a · total of 9e46. Beyond, the
   engine stops with an overflow. Weights are never rescaled. #}
{% macro product_fits(a, total) %}cast({{ a }} as double) * cast({{ total }} as double) < 9e37{% endmacro %}
{% macro high_product(a, w) %}{{ int_div(a, '1000000000') }} * ({{ w }}){% endmacro %}
{% macro low_product(a, w, total) -%}
(({{ high_product(a, w) }}) % {{ total }} * 1000000000 + ({{ a }}) % 1000000000 * ({{ w }}))
{%- endmacro %}
{% macro share_floor(a, w, total) -%}
(case
    when {{ product_fits(a, total) }} then {{ int_div(a ~ ' * (' ~ w ~ ')', total) }}
    else {{ int_div(high_product(a, w), total) }} * 1000000000 + {{ int_div(low_product(a, w, total), total) }}
end)
{%- endmacro %}
{% macro share_remainder(a, w, total) -%}
(case
    when {{ product_fits(a, total) }} then {{ a }} * ({{ w }}) % {{ total }}
    else {{ low_product(a, w, total) }} % {{ total }}
end)
{%- endmacro %}

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
        {%- set size = "abs(cast(" ~ measure ~ " as " ~ big_integer() ~ "))" -%}
        {%- set total = "nullif(weight_total, 0)" -%}
        {{ measure }} as measure_{{ n }},
        {{ share_floor(size, weight, total) }} as base_{{ n }},
        {{ share_remainder(size, weight, total) }} as remainder_{{ n }},
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
    {{ share_floor(size, after, "nullif(" ~ total ~ ", 0)") }}
    - {{ share_floor(size, before, "nullif(" ~ total ~ ", 0)") }}
))
{%- endmacro %}
