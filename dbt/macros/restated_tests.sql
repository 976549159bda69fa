{# Data tests look at the dates that are made again: the rows of others passed when they were made. #}

{# The model that a generic test looks at, if it keeps the rows of dates that are not made again: they are in its
   column `event_date`. A model of months is short. #}
{% macro tested_by_date() %}
    {%- set tested = graph.nodes.get(model.attached_node) if execute -%}
    {{ return(tested if tested and tested.config.materialized == 'incremental' and 'event_date' in tested.columns) }}
{% endmacro %}

{# Its other rows passed when they were made. Nothing did where all dates are made again or none is handed over. #}
{% macro is_part_tested() %}{{ return(tested_by_date() and has_handed_dates()) }}{% endmacro %}
{% macro has_handed_dates() %}
    {{ return(
        not is_whole_build()
        and adapter.get_relation(target.database, 'restatement', 'lake_dates') is not none
    ) }}
{% endmacro %}

{# Condition in a test of its own on a date of rows that are kept so. #}
{% macro is_to_test(column, dates) %}
    {%- set relation = ref(dates) -%}
    {{- is_made_again(column, dates) if has_handed_dates() else 'true' -}}
{% endmacro %}

{# What a generic test looks at; dbt calls this for each. Tested models with dates keep them as `event_date`. #}
{% macro get_where_subquery(relation) %}
    {%- set conditions = [config.get('where')] if config.get('where') else [] -%}
    {%- if is_part_tested() -%}
        {%- set dates = relation.incorporate(path={'identifier': 'int_books__restated_dates'}) -%}
        {%- do conditions.append('event_date in (select event_date from ' ~ dates ~ ')') -%}
    {%- endif -%}
    {{ return(
        '(select * from ' ~ relation ~ ' where ' ~ (conditions | join(' and ')) ~ ') as tested'
        if conditions else relation
    ) }}
{% endmacro %}
