{# Which dates a model makes again. Incremental models forget those dates first (`forget_restated`, a
   pre-hook) and keep only them (`is_restated`), so a date whose rows are gone is forgotten too.

   `tokenworks build` hands over the dates whose lake files changed; a dbt run by hand has none and
   must be whole: `dbt build --full-refresh`. #}

{# All dates are made again. #}
{% macro is_whole_build() %}{{ return(not execute or should_full_refresh()) }}{% endmacro %}

{# The relation of the dates whose lake files changed since the last complete build. #}
{% macro handed_dates() %}
    {%- set handed = adapter.get_relation(target.database, 'restatement', 'lake_dates') -%}
    {%- if handed is none -%}
        {{ exceptions.raise_compiler_error(
            'Nothing says which dates changed. Run `tokenworks build`, or dbt with --full-refresh.'
        ) }}
    {%- endif -%}
    {{ return(handed) }}
{% endmacro %}

{# Dates of a query as a list of literals, which prunes the files that are read. #}
{% macro literal_dates(query) %}
    {%- set dates = [] -%}
    {%- for row in run_query(query).rows -%}{%- do dates.append("date '" ~ row[0] ~ "'") -%}{%- endfor -%}
    {{ return("(" ~ ((dates or ["date '0001-01-01'"]) | join(', ')) ~ ")") }}
{% endmacro %}

{# Those of one lake table whose files changed. #}
{% macro restated_lake_dates(lake_table) %}
    {{ return(literal_dates(
        "select cast(event_date as varchar) from " ~ handed_dates() ~ " where lake_table = '"
        ~ lake_table ~ "' order by 1"
    )) }}
{% endmacro %}

{# Those of a model with the dates as `event_date`. #}
{% macro dates_of(model) %}
    {{ return(literal_dates("select distinct cast(event_date as varchar) from " ~ ref(model) ~ " order by 1")) }}
{% endmacro %}

{# Condition on a column: its date is made again. `dates` is a model with the dates as `event_date`, or
   the name of a lake table whose changed dates are meant. #}
{% macro is_restated(column, dates='int_books__restated_dates') %}
    {%- set relation = ref(dates) if dates.startswith('int_') -%}
    {%- if not is_incremental() -%}
        true
    {%- elif relation -%}
        {{ column }} in {{ dates_of(dates) }}
    {%- else -%}
        {{ column }} in {{ restated_lake_dates(dates) }}
    {%- endif -%}
{% endmacro %}

{# Pre-hook: take the dates out that the model is about to make again. #}
{% macro forget_restated(column, dates='int_books__restated_dates') %}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_restated(column, dates) }}
    {%- endif -%}
{% endmacro %}

{# 64-bit hash of a whole row of a relation or alias. #}
{% macro row_hash(relation) %}{{ return(adapter.dispatch('row_hash')(relation)) }}{% endmacro %}
{% macro duckdb__row_hash(relation) %}hash({{ relation }}){% endmacro %}
{% macro spark__row_hash(relation) %}xxhash64(struct({{ relation }}.*)){% endmacro %}

{# Date of an hour. #}
{% macro hour_date(index) %}cast({{ hour_start(index) }} as date){% endmacro %}
