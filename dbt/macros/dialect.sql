{# What DuckDB and Spark spell differently. Models call these and stay one text for both. #}

{% macro utc_ts(x) %}{{ return(adapter.dispatch('utc_ts')(x)) }}{% endmacro %}
{% macro duckdb__utc_ts(x) %}cast(cast({{ x }} as timestamptz) at time zone 'UTC' as timestamp){% endmacro %}
{% macro spark__utc_ts(x) %}cast({{ x }} as timestamp){% endmacro %}

{% macro epoch_us(x) %}{{ return(adapter.dispatch('epoch_us')(x)) }}{% endmacro %}
{% macro duckdb__epoch_us(x) %}epoch_us({{ x }}){% endmacro %}
{% macro spark__epoch_us(x) %}unix_micros({{ x }}){% endmacro %}

{% macro timestamp_of_us(x) %}{{ return(adapter.dispatch('timestamp_of_us')(x)) }}{% endmacro %}
{% macro duckdb__timestamp_of_us(x) %}make_timestamp({{ x }}){% endmacro %}
{% macro spark__timestamp_of_us(x) %}timestamp_micros({{ x }}){% endmacro %}

{# Integer division of counts that are not negative. Never `/`, which is a double on DuckDB. #}
{% macro int_div(a, b) %}{{ return(adapter.dispatch('int_div')(a, b)) }}{% endmacro %}
{% macro duckdb__int_div(a, b) %}(({{ a }}) // ({{ b }})){% endmacro %}
{% macro spark__int_div(a, b) %}((({{ a }}) - (({{ a }}) % ({{ b }}))) / ({{ b }})){% endmacro %}

{# Type of exact integers beyond 64 bits. #}
{% macro big_integer() %}{{ return(adapter.dispatch('big_integer')()) }}{% endmacro %}
{% macro duckdb__big_integer() %}hugeint{% endmacro %}
{% macro spark__big_integer() %}decimal(38,0){% endmacro %}

{# One row per integer from `first` to `last`, both included, as a select item. #}
{% macro explode_range(first, last) %}{{ return(adapter.dispatch('explode_range')(first, last)) }}{% endmacro %}
{% macro duckdb__explode_range(first, last) %}unnest(range({{ first }}, {{ last }} + 1)){% endmacro %}
{% macro spark__explode_range(first, last) %}explode(sequence({{ first }}, {{ last }})){% endmacro %}

{# Leading digits of a text, or null: the compute slices in a MIG profile such as 3g.40gb. #}
{% macro leading_integer(x) %}{{ return(adapter.dispatch('leading_integer')(x)) }}{% endmacro %}
{% macro duckdb__leading_integer(x) %}try_cast(regexp_extract({{ x }}, '^([0-9]+)', 1) as bigint){% endmacro %}
{% macro spark__leading_integer(x) %}try_cast(regexp_extract({{ x }}, '^([0-9]+)', 1) as bigint){% endmacro %}

{% macro last_known(x, over) %}{{ return(adapter.dispatch('last_known')(x, over)) }}{% endmacro %}
{% macro duckdb__last_known(x, over) %}last_value({{ x }} ignore nulls) over ({{ over }}){% endmacro %}
{% macro spark__last_known(x, over) %}last_value({{ x }}, true) over ({{ over }}){% endmacro %}

{% macro first_known(x, over) %}{{ return(adapter.dispatch('first_known')(x, over)) }}{% endmacro %}
{% macro duckdb__first_known(x, over) %}first_value({{ x }} ignore nulls) over ({{ over }}){% endmacro %}
{% macro spark__first_known(x, over) %}first_value({{ x }}, true) over ({{ over }}){% endmacro %}

{# Year and month as YYYY-MM. #}
{% macro year_month(x) %}{{ return(adapter.dispatch('year_month')(x)) }}{% endmacro %}
{% macro duckdb__year_month(x) %}strftime({{ x }}, '%Y-%m'){% endmacro %}
{% macro spark__year_month(x) %}date_format({{ x }}, 'yyyy-MM'){% endmacro %}

{# A timestamp some months later; the day of the month is kept where it exists. #}
{% macro plus_months(x, n) %}{{ return(adapter.dispatch('plus_months')(x, n)) }}{% endmacro %}
{% macro duckdb__plus_months(x, n) %}({{ x }} + to_months(cast({{ n }} as integer))){% endmacro %}
{% macro spark__plus_months(x, n) %}({{ x }} + make_ym_interval(0, cast({{ n }} as int))){% endmacro %}

{# Flags that hold, joined by commas in the order given; null where none holds. #}
{% macro joined_flags(flags) %}
nullif(concat_ws(
    ',',
    {% for name, condition in flags.items() -%}
    case when {{ condition }} then '{{ name }}' end{{ "," if not loop.last }}
    {% endfor -%}
), '')
{% endmacro %}

{# All columns but some; `relation` is optional. #}
{% macro all_but(columns, relation=none) %}{{ return(adapter.dispatch('all_but')(columns, relation)) }}{% endmacro %}
{% macro duckdb__all_but(columns, relation) %}{{ relation ~ "." if relation }}* exclude ({{ columns | join(', ') }}){% endmacro %}
{% macro spark__all_but(columns, relation) %}{{ relation ~ "." if relation }}* except ({{ columns | join(', ') }}){% endmacro %}

{# Length of a list, and its item at a position that is counted from 1. #}
{% macro list_len(x) %}{{ return(adapter.dispatch('list_len')(x)) }}{% endmacro %}
{% macro duckdb__list_len(x) %}array_length({{ x }}){% endmacro %}
{% macro spark__list_len(x) %}array_size({{ x }}){% endmacro %}
{% macro list_item(x, position) %}{{ return(adapter.dispatch('list_item')(x, position)) }}{% endmacro %}
{% macro duckdb__list_item(x, position) %}{{ x }}[{{ position }}]{% endmacro %}
{% macro spark__list_item(x, position) %}element_at({{ x }}, cast({{ position }} as int)){% endmacro %}
