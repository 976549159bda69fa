{# Days since 1970 of a date, and the date of such a number. #}
{% macro day_index(x) %}{{ int_div(epoch_us("cast(" ~ x ~ " as timestamp)"), "86400000000") }}{% endmacro %}
{% macro day_date(index) %}cast({{ timestamp_of_us("(" ~ index ~ ") * 86400000000") }} as date){% endmacro %}

{# Microseconds at which a UTC date ends. #}
{% macro end_of_date_us(x) %}({{ epoch_us("cast(" ~ x ~ " as timestamp)") }} + 86400000000){% endmacro %}

{# What a clock in an IANA time zone shows at a UTC time. #}
{% macro local_time(utc, zone) %}{{ return(adapter.dispatch('local_time')(utc, zone)) }}{% endmacro %}
{% macro duckdb__local_time(utc, zone) %}(({{ utc }} at time zone 'UTC') at time zone {{ zone }}){% endmacro %}
{% macro spark__local_time(utc, zone) %}from_utc_timestamp({{ utc }}, {{ zone }}){% endmacro %}
