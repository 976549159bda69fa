{# UTC hours as integers: hour_index = microseconds since 1970 div 3.6e9. #}

{% macro hour_us() %}3600000000{% endmacro %}
{% macro day_us() %}86400000000{% endmacro %}

{# 9999-01-01: the end of what is open. #}
{% macro forever_us() %}253370764800000000{% endmacro %}

{% macro hour_index(us) %}{{ int_div(us, hour_us()) }}{% endmacro %}

{% macro hour_start(index) %}{{ timestamp_of_us(index ~ " * " ~ hour_us()) }}{% endmacro %}

{# One row per hour that [from_us, to_us) touches, as a select item; needs from_us < to_us. #}
{% macro explode_hours(from_us, to_us) -%}
{{ explode_range(hour_index(from_us), hour_index("(" ~ to_us ~ ") - 1")) }}
{%- endmacro %}

{# Middle of [from_us, to_us), which lies in the month that a month in local time is, wherever it begins. #}
{% macro middle_us(from_us, to_us) -%}
({{ from_us }} + {{ int_div("(" ~ to_us ~ " - " ~ from_us ~ ")", "2") }})
{%- endmacro %}

{# Part of [from_us, to_us) that lies in the hour. #}
{% macro clipped_from(from_us, index) %}greatest({{ from_us }}, {{ index }} * {{ hour_us() }}){% endmacro %}
{% macro clipped_to(to_us, index) %}least({{ to_us }}, ({{ index }} + 1) * {{ hour_us() }}){% endmacro %}

{# Part of an integer total that falls in [from, to) of its length. The parts of adjoining pieces add up
   to the total exactly, since each is a difference of the same running floor. #}
{% macro part_of(total, elapsed_from, elapsed_to, length) -%}
cast(
    {{ int_div("cast(" ~ total ~ " as " ~ big_integer() ~ ") * (" ~ elapsed_to ~ ")", length) }}
    - {{ int_div("cast(" ~ total ~ " as " ~ big_integer() ~ ") * (" ~ elapsed_from ~ ")", length) }}
    as bigint
)
{%- endmacro %}

{# Length of the union of intervals: what each adds beyond the furthest end so far.
   Use with `reached_us` from `reached_over`. #}
{% macro reached_over(partition) -%}
max(to_us) over (
    partition by {{ partition }} order by from_us asc nulls first, to_us asc nulls first
    rows between unbounded preceding and 1 preceding
)
{%- endmacro %}
{% macro union_length() -%}
sum(greatest(0, to_us - greatest(from_us, coalesce(reached_us, from_us))))
{%- endmacro %}

{# End of the time for which a gauge's value holds: the next sample, at most `held_intervals` intervals. #}
{% macro held_until(at_us, next_us, interval_us) -%}
least(
    coalesce({{ next_us }}, {{ forever_us() }}),
    {{ at_us }} + {{ var('held_intervals') }}
    * coalesce({{ interval_us }}, {{ var('default_scrape_seconds') }} * 1000000)
)
{%- endmacro %}

{# Date of an hour. #}
{% macro hour_date(index) %}cast({{ hour_start(index) }} as date){% endmacro %}
