{# Weights of the allocation methods (metrics: 5.4). Whole numbers: picoseconds of a GPU for phase weights,
   512 FLOPs, kilobytes, tokens, microseconds. #}

{# Methods whose weights are linear in what is summed per hour. The others need to know who else ran. #}
{% macro linear_methods() %}
{{ return(['tokens', 'uncached-tokens', 'time-in-batch', 'flops', 'phase-weighted']) }}
{% endmacro %}

{# What the linear weights are made of, per attempt and hour; sums of them weigh a group. #}
{% macro weighed_sums() %}
{{ return([
    'computed_tokens', 'cached_tokens', 'output_tokens', 'prefill_us', 'decode_us',
    'prefill_context', 'decode_context', 'prompt_count',
]) }}
{% endmacro %}

{# The three parts of a linear weight as select items. `method` is the alias of int_costs__methods, `work`
   that of what holds the `weighed_sums`. #}
{% macro linear_parts(method, work) %}
{%- set big = big_integer() -%}
{%- set flops = "cast(" ~ method ~ ".flops_per_token as " ~ big ~ ")" -%}
{%- set context = "cast(" ~ method ~ ".flops_per_context as " ~ big ~ ")" -%}
{%- set logit = "cast(" ~ method ~ ".flops_per_logit as " ~ big ~ ")" -%}
case {{ method }}.method
    when 'phase-weighted' then cast({{ work }}.computed_tokens as {{ big }}) * {{ method }}.prefill_ps
    when 'time-in-batch' then {{ work }}.prefill_us
    when 'flops' then
        {{ work }}.computed_tokens * {{ flops }} + {{ work }}.prefill_context * {{ context }}
        + {{ work }}.prompt_count * {{ logit }}
    else {{ work }}.computed_tokens
end as prefill_part,
case {{ method }}.method
    when 'phase-weighted' then cast({{ work }}.cached_tokens as {{ big }}) * {{ method }}.cache_read_ps
    when 'tokens' then {{ work }}.cached_tokens
    else 0
end as cache_read_part,
case {{ method }}.method
    when 'phase-weighted' then cast({{ work }}.output_tokens as {{ big }}) * {{ method }}.decode_ps
    when 'time-in-batch' then {{ work }}.decode_us
    when 'flops' then
        {{ work }}.output_tokens * ({{ flops }} + {{ logit }}) + {{ work }}.decode_context * {{ context }}
    else {{ work }}.output_tokens
end as decode_part
{%- endmacro %}
