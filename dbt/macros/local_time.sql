{# The wall clock of a site, as microseconds: 0 is 1970-01-01 00:00 there. An hour of a day that has 25
   comes twice; what must be kept apart needs UTC beside it. #}

{% macro local_us(us, zone) %}{{ return(adapter.dispatch('local_us')(us, zone)) }}{% endmacro %}
{% macro duckdb__local_us(us, zone) %}epoch_us(timezone({{ zone }}, make_timestamptz({{ us }}))){% endmacro %}
{% macro spark__local_us(us, zone) %}unix_micros(from_utc_timestamp(timestamp_micros({{ us }}), {{ zone }})){% endmacro %}

{# Month 1 to 12, hour 0 to 23 and kind of day of a wall clock; 1970-01-01 was a Thursday. #}
{% macro local_month(local) %}cast(extract(month from {{ timestamp_of_us(local) }}) as bigint){% endmacro %}
{% macro local_hour(local) %}({{ int_div(local, hour_us()) }} % 24){% endmacro %}
{% macro local_day_type(local) -%}
case when ({{ int_div(local, '86400000000') }} + 3) % 7 >= 5 then 'weekend' else 'weekday' end
{%- endmacro %}

{# Tariffs and demand windows are cut in pieces of five minutes, of which every window is made. #}
{% macro slot_us() %}300000000{% endmacro %}
