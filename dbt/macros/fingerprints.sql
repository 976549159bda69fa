{# Which dates changed: fingerprints of their rows, held against those of the last complete build. #}

{# One number per date and part: equal numbers, equal rows. Sums of row hashes, so the order of rows does
   not matter. `parts` maps models, or relations of the query, to the date of a row of `source`. `kept` names the
   dates that a model makes again: of others it has the rows of the last complete build, whose numbers stand. #}
{% macro fingerprints_of(parts, kept={}) -%}
{% set as_built = adapter.get_relation(target.database, 'restatement', 'as_built') if not is_whole_build() %}
{% for part, date in parts.items() -%}
{% set made_again = is_made_again(date, kept[part]) if part in kept else 'true' %}
select
    {{ date }} as event_date,
    '{{ part }}' as part,
    sum(cast({{ row_hash('source') }} as {{ big_integer() }})) as fingerprint
from {{ ref(part) if part.startswith('int_') else part }} as source
{% if as_built and part in kept -%}
where {{ in_hours('source.hour_index', made_again) if 'hour_index' in date else made_again }}
{% endif -%}
group by {{ date }}
{% if as_built and part in kept -%}
union all
select event_date, part, fingerprint
from {{ as_built }} as built
where model = '{{ this.identifier }}' and part = '{{ part }}' and not {{ is_made_again('event_date', kept[part]) }}
{% endif -%}
{{ "union all" if not loop.last }}
{% endfor %}
{%- endmacro %}

{# Dates whose fingerprints differ from those of the last complete build. #}
{% macro changed_dates(fingerprints) -%}
{% set as_built = adapter.get_relation(target.database, 'restatement', 'as_built') %}
{% if is_whole_build() or as_built is none -%}
select event_date from {{ ref(fingerprints) }}
{%- else -%}
select coalesce(now.event_date, built.event_date) as event_date
from {{ ref(fingerprints) }} as now
full outer join (select * from {{ as_built }} where model = '{{ fingerprints }}') as built
    on now.event_date = built.event_date and now.part = built.part
where now.fingerprint is distinct from built.fingerprint
{%- endif %}
{%- endmacro %}

{# 64-bit hash of a whole row of a relation or alias. #}
{% macro row_hash(relation) %}{{ return(adapter.dispatch('row_hash')(relation)) }}{% endmacro %}
{% macro duckdb__row_hash(relation) %}hash({{ relation }}){% endmacro %}
{% macro spark__row_hash(relation) %}xxhash64(struct({{ relation }}.*)){% endmacro %}

{# 64-bit hash of a text; null of null. #}
{% macro text_hash(x) %}{{ return(adapter.dispatch('text_hash')(x)) }}{% endmacro %}
{% macro duckdb__text_hash(x) %}case when {{ x }} is not null then hash({{ x }}) end{% endmacro %}
{% macro spark__text_hash(x) %}case when {{ x }} is not null then xxhash64({{ x }}) end{% endmacro %}
