{# Facts of models and chips: how a name is looked up in the seeds, and what follows from the facts. #}

{# A name without what tools spell differently: case, spaces and punctuation. #}
{% macro name_key(x) %}translate(lower({{ x }}), ' -_./()', ''){% endmacro %}

{# Key of a model: without the owner before the slash. Of a GPU: without the vendor. #}
{% macro model_key(x) %}{{ name_key("split_part(" ~ x ~ ", '/', -1)") }}{% endmacro %}
{% macro chip_key(x) -%}
replace(replace(replace({{ name_key(x) }}, 'nvidia', ''), 'amd', ''), 'instinct', '')
{%- endmacro %}

{# Condition: a row of a seed is known by that key. #}
{% macro is_known_as(known_as, key) %}('|' || {{ known_as }} || '|') like ('%|' || {{ key }} || '|%'){% endmacro %}

{# Share of the experts that a step with so many tokens reads, in 1e-9: 1 - (1 - k/E)^B (metrics: 3.4). #}
{% macro experts_read_ppb(tokens, experts, experts_per_token) -%}
{{ whole(
    '1e0 - power(1e0 - cast(' ~ experts_per_token ~ ' as double) / ' ~ experts ~ ', ' ~ tokens ~ ')', 1000000000
) }}
{%- endmacro %}
