{# Whole units, so that sums are exact and the same for any number of threads.
   money: 1e-12 of the currency · time: microseconds · power: milliwatts · energy: millijoules,
   and 1e-9 kWh (3.6 mJ) for meters · ratios: millionths · weights: picoseconds of a GPU. #}

{# decimal(38,12) -> units. #}
{% macro money_units(x) %}cast(({{ x }}) * 1000000000000 as {{ big_integer() }}){% endmacro %}

{# units -> decimal(38,12); the operands are narrow enough for Spark to keep every digit. #}
{% macro money(units) -%}
cast(cast({{ units }} as decimal(25,0)) * cast('0.000000000001' as decimal(12,12)) as decimal(38,12))
{%- endmacro %}

{# A double as a whole number of units; floor(x + 0.5), since casts of doubles differ by engine. #}
{% macro whole(x, per_unit=1) -%}
cast(floor(({{ x }}) * {{ per_unit }} + 0.5) as bigint)
{%- endmacro %}

{# -1 or 1; `sign` is a double on Spark. #}
{% macro sign_of(x) %}(case when {{ x }} < 0 then -1 else 1 end){% endmacro %}

{# Never below 0, and null stays null: `greatest(0, null)` is 0 on both engines. #}
{% macro at_least_zero(x) %}(case when {{ x }} < 0 then 0 else {{ x }} end){% endmacro %}

{# a * b / c rounded half away from zero; c > 0. #}
{% macro mul_div_round(a, b, c) -%}
({{ sign_of(a) }} * {{ int_div(
    "cast(abs(" ~ a ~ ") as " ~ big_integer() ~ ") * " ~ b ~ " * 2 + " ~ c, "2 * " ~ c
) }})
{%- endmacro %}

{# What tokens cost at a price of a million and a rate to US dollars, both in 1e-12. #}
{% macro dollars_at(tokens, price, rate) -%}
{{ mul_div_round('cast(' ~ tokens ~ ' as ' ~ big_integer() ~ ') * ' ~ price, rate, '1000000000000000000') }}
{%- endmacro %}

{# The larger of two where both are known: `greatest` passes over nulls. #}
{% macro known_greatest(a, b) %}(case when {{ a }} >= {{ b }} then {{ a }} when {{ a }} < {{ b }} then {{ b }} end){% endmacro %}

{# Ratio of two sums as a double; null where the denominator is 0. #}
{% macro ratio(numerator, denominator) -%}
(cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{# US dollars (decimal) per million tokens as a double. #}
{% macro per_million(usd, tokens) -%}
(cast({{ usd }} as double) * 1000000 / nullif(cast({{ tokens }} as double), 0))
{%- endmacro %}

{# Sum of the rows that meet a condition; null where one of them is unknown, 0 where there are none. #}
{% macro known_sum(x, condition='true') -%}
case when count(case when ({{ condition }}) and {{ x }} is null then 1 end) = 0
    then coalesce(sum(case when {{ condition }} then {{ x }} end), 0)
end
{%- endmacro %}

{# Milliseconds of a GPU per token, a double, as picoseconds; null where that is no weight but noise. #}
{% macro gpu_ms_to_ps(x) -%}
case when abs({{ x }}) < 1e9 then {{ whole(x, 1000000000) }} end
{%- endmacro %}

{# What an energy in mJ emits or costs, at a whole number of units per kWh that is not negative. #}
{% macro per_kwh_of(mj, rate) -%}
{{ int_div("cast(" ~ mj ~ " as " ~ big_integer() ~ ") * (" ~ rate ~ ")", "3600000000") }}
{%- endmacro %}

{# a * b / 2 of whole numbers, a not negative, of which at least one is even. Wide, since one row may stand for an
   hour of a whole fleet; halved before it is, which costs less. #}
{% macro half_product(a, b) -%}
(cast({{ int_div(a, '2') }} as {{ big_integer() }}) * {{ b }} + {{ a }} % 2 * {{ int_div(b, '2') }})
{%- endmacro %}
