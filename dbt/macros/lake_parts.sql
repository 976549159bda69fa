{# Readings of the lake that open only the parts of the dates that are made again. #}

{# Rows of a lake table of the dates that are made again. Only their parts are opened: a year has hundreds. #}
{% macro restated_rows(lake_table) %}{{ return(adapter.dispatch('restated_rows')(lake_table)) }}{% endmacro %}
{% macro default__restated_rows(lake_table) -%}
    (select * from {{ source('lake', lake_table) }} where {{ is_restated('event_date', lake_table) }}) as restated_rows
{%- endmacro %}
{% macro duckdb__restated_rows(lake_table) -%}
    {%- set rows = source('lake', lake_table) | string -%}
    {{ return(parts_of(rows, restated_lake_dates(lake_table)) if is_incremental() else rows) }}
{%- endmacro %}

{# Records of requests in the lake, in what is made anew, of the dates that a query tells as texts: staging reads all
   dates, and to look at the parts of a year takes longer than to read those of a day. #}
{% macro records_of(query) %}{{ return(adapter.dispatch('records_of')(query)) }}{% endmacro %}
{% macro default__records_of(query) -%}
    {%- set staged = ref('stg_lake__requests') -%}
    {{- staged if is_whole_build() else '(select * from ' ~ staged ~ ' where event_date in ' ~ literal_dates(query) ~ ')' -}}
{%- endmacro %}
{% macro duckdb__records_of(query) -%}
    {%- set staged = ref('stg_lake__requests') -%}
    {%- if is_whole_build() or model.resource_type == 'unit_test' -%}
        {{ return(staged) }}
    {%- endif -%}
    {%- set view = run_query(
        "select sql from duckdb_views() where schema_name = '" ~ staged.schema ~ "' and view_name = '"
        ~ staged.identifier ~ "'"
    ).rows[0][0] -%}
    {{ return('(' ~ parts_of(view.split(' AS ', 1)[1].rstrip(';\n'), literal_dates(query)) ~ ')') }}
{%- endmacro %}

{# A reading of the lake that opens only the parts of some dates. The empty part comes first: it tells the columns. #}
{% macro parts_of(rows, days) %}
    {%- set folder = modules.re.search("'([^']+)/[*]/[*].parquet'", rows).group(1) -%}
    {%- set folders = ["'" ~ folder ~ "/event_date=1970-01-01/_empty.parquet'"] -%}
    {%- for day in modules.re.findall('[0-9-]{10}', days) -%}
        {%- do folders.append("'" ~ folder ~ '/event_date=' ~ day ~ "/*.parquet'") -%}
    {%- endfor -%}
    {{ return(rows | replace("'" ~ folder ~ "/*/*.parquet'", '[' ~ (folders | join(', ')) ~ '], allow_empty=true')) }}
{% endmacro %}
