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
{% macro restated_lake_dates(lake_table) %}{{ return(literal_dates(lake_dates_query(lake_table))) }}{% endmacro %}
{% macro lake_dates_query(lake_table) %}
    {{ return(
        "select cast(event_date as varchar) from " ~ handed_dates() ~ " where lake_table = '"
        ~ lake_table ~ "' order by 1"
    ) }}
{% endmacro %}

{# Those of a model with the dates as `event_date`. #}
{% macro dates_of(model) %}{{ return(literal_dates(dates_query(model))) }}{% endmacro %}
{% macro dates_query(model) %}
    {{ return("select distinct cast(event_date as varchar) from " ~ ref(model) ~ " order by 1") }}
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

{# Both for a model of hours. Ranges of hours tell DuckDB what it need not read; of a date that is computed for each
   row it does not know. #}
{% macro is_restated_hour(column, dates='int_books__restated_dates') %}
    {{- in_hours(column, is_restated(hour_date(column), dates)) -}}
{% endmacro %}
{% macro forget_restated_hours(column, dates='int_books__restated_dates') %}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_restated_hour(column, dates) }}
    {%- endif -%}
{% endmacro %}

{# A condition on the dates of hours as one on the hours. #}
{% macro in_hours(column, condition) %}
    {%- set ranges = [] -%}
    {%- for day in modules.re.findall("date '([0-9-]{10})'", condition) -%}
        {%- set first = (modules.datetime.date.fromisoformat(day).toordinal() - 719163) * 24 -%}
        {%- set from = ranges.pop()[0] if ranges and ranges[-1][1] == first else first -%}
        {%- do ranges.append([from, first + 24]) -%}
    {%- endfor -%}
    {%- set conditions = [] -%}
    {%- for first, end in ranges -%}
        {%- do conditions.append('(' ~ column ~ ' >= ' ~ first ~ ' and ' ~ column ~ ' < ' ~ end ~ ')') -%}
    {%- endfor -%}
    {{- '(' ~ (conditions | join(' or ')) ~ ')' if conditions else condition -}}
{% endmacro %}

{# The same for a model of months, which makes those again of which a date is made again. Months are ranges of
   dates, which prune what is read. #}
{% macro is_of_restated_month(column, dates='int_books__restated_dates') %}
    {%- set relation = ref(dates) -%}
    {%- set ranges = [] -%}
    {%- if not is_incremental() -%}
        {%- do ranges.append('true') -%}
    {%- else -%}
        {%- set months = run_query(
            "select distinct first_date, cast(" ~ plus_months('first_date', 1) ~ " as date) from (select cast("
            ~ "date_trunc('month', event_date) as date) as first_date from " ~ relation ~ ") as months order by 1"
        ).rows -%}
        {%- for month in months -%}
            {%- do ranges.append(
                '(' ~ column ~ " >= date '" ~ month[0] ~ "' and " ~ column ~ " < date '" ~ month[1] ~ "')"
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ '(' ~ (ranges | join(' or ') or 'false') ~ ')' }}
{% endmacro %}

{# Pre-hook of a mart: its dates are `event_date`, else its months are texts as YYYY-MM. #}
{% macro forget_restated_mart() %}
    {%- if 'event_date' in model.columns -%}
        {{ forget_restated('event_date') }}
    {%- elif is_incremental() -%}
        delete from {{ this }} where {{ is_of_restated_month("cast(month || '-01' as date)") }}
    {%- endif -%}
{% endmacro %}

{# Condition in a model that is made anew and holds only the dates that are made again. #}
{% macro is_made_again(column, dates) %}
    {%- set relation = ref(dates) -%}
    {{- 'true' if is_whole_build() else column ~ ' in ' ~ dates_of(dates) -}}
{% endmacro %}

{% macro is_hour_made_again(column, dates) %}
    {{- in_hours(column, is_made_again(hour_date(column), dates)) -}}
{% endmacro %}

{# Condition on a date of start in such a model: an attempt of it may have run in an hour of the dates. #}
{% macro may_run_in(column, dates) %}
    {%- set groups = ref('int_requests__hour_groups') -%}
    {%- set condition = is_hour_made_again('hour_index', dates) -%}
    {%- if is_whole_build() -%}
        true
    {%- else -%}
        {{ column }} in (select started_date from {{ groups }} where {{ condition }})
    {%- endif -%}
{% endmacro %}

{# Condition on an hour in such a model: an attempt that started on the dates ran in it. #}
{% macro is_run_in(column, dates) %}
    {%- set groups = ref('int_requests__hour_groups') -%}
    {%- set condition = is_made_again('started_date', dates) -%}
    {%- if is_whole_build() -%}
        true
    {%- else -%}
        {{ column }} in (select hour_index from {{ groups }} where {{ condition }})
    {%- endif -%}
{% endmacro %}
