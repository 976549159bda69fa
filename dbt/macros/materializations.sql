{# Views and tables in one statement. The adapter's own materialisations make one beside the old one and rename it
   into its place, in eight statements; the build file is private and a build that failed is not published,
   so nobody reads between. A contract is a matter of the SQL, whose change makes a whole build: only that checks
   it, and only a table that is made whole gets its comments. #}

{% macro make_table(target, existing) %}
    {%- if existing is not none and existing.type != 'table' -%}
        {{ drop_relation_if_exists(existing) }}
    {%- endif -%}
    {%- call statement('main') -%}
        {% if config.get('contract').enforced and should_full_refresh() -%}
            {{ get_assert_columns_equivalent(sql) }}
        {%- endif %}
        create or replace table {{ target }} as (
            {{ sql }}
        )
    {%- endcall -%}
{% endmacro %}

{% materialization view, adapter='duckdb', supported_languages=['sql'] %}
    {%- set target = this.incorporate(type='view') -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and existing.type != 'view' -%}
        {{ drop_relation_if_exists(existing) }}
    {%- endif -%}
    {%- call statement('main') -%}
        create or replace view {{ target }} as (
            {{ sql }}
        )
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do persist_docs(target, model) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb', supported_languages=['sql'] %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- do make_table(target, load_cached_relation(this)) -%}
    {{ run_hooks(post_hooks) }}
    {%- do persist_docs(target, model) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Hooks have forgotten the dates that are made again (restatement.sql); their new rows are added. A model
   whose columns changed is made whole, since `tokenworks build` makes all dates again then. #}
{% materialization incremental, adapter='duckdb', supported_languages=['sql'] %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if is_incremental() -%}
        {%- call statement('main') -%}
            insert into {{ target }} by name (
                {{ sql }}
            )
        {%- endcall -%}
    {%- else -%}
        {%- do make_table(target, existing) -%}
        {%- do persist_docs(target, model) -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
