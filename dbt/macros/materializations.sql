{# A table in one statement. The adapter's own renames a new table into the place of the old one, in eight
   statements; the build file is private and a failed build is not published, so nobody reads between. #}
{% materialization table, adapter='duckdb', supported_languages=['sql'] %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and existing.type != 'table' -%}
        {{ drop_relation_if_exists(existing) }}
    {%- endif -%}
    {%- call statement('main') -%}
        {% if config.get('contract').enforced %}{{ get_assert_columns_equivalent(compiled_code) }}{% endif %}
        create or replace table {{ target_relation }} as (
            {{ compiled_code }}
        )
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
