{# Posting: exact units of 1e-12 become whole minor units of the currency. #}

{# Units of 1e-12 in one minor unit (ISO 4217): JPY 1, USD 0.01, KWD 0.001. #}
{% macro minor_step(currency) -%}
case
    when {{ currency }} in (
        'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV',
        'XAF', 'XOF', 'XPF'
    ) then 1000000000000
    when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 1000000000
    when {{ currency }} in ('CLF', 'UYW') then 100000000
    else 10000000000
end
{%- endmacro %}

{# Rounds each `units` of a relation to whole steps so that the rows of a partition add up to `total`, a
   whole number of steps next to their exact sum: floor, then one more to the largest remainders, ties by
   `order_by`. Negative sums are rounded by size and negated. Needs the columns `units`, `step` and, constant
   within a partition, the total; adds `posted`. #}
{% macro post_to_total(relation, partition, total, order_by) %}
{%- set partition_by = partition | join(', ') -%}
select
    direction * (floored + case
        when row_number() over (
            partition by {{ partition_by }}
            order by remainder desc, {{ order_by | join(', ') }}
        ) <= direction * {{ total }} - sum(floored) over (partition by {{ partition_by }}) then 1
        else 0
    end) as posted,
    rounded.*
from (
    select
        {{ int_div('direction * units - remainder', 'step') }} as floored,
        divided.*
    from (
        select
            ((direction * units) % step + step) % step as remainder,
            directed.*
        from (
            select
                {{ sign_of('sum(units) over (partition by ' ~ partition_by ~ ')') }} as direction,
                *
            from {{ relation }}
        ) as directed
    ) as divided
) as rounded
{% endmacro %}
