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

{# Model FLOPs of what the `weighed_sums` of `work` hold, at the FLOPs of `facts`: per token computed, per token
   attended to, and per token whose successor is chosen (metrics: 3.3). #}
{% macro prefill_flops(facts, work) -%}
{%- set big = big_integer() -%}
{{ work }}.computed_tokens * cast({{ facts }}.flops_per_token as {{ big }})
+ {{ work }}.prefill_context * cast({{ facts }}.flops_per_context as {{ big }})
+ {{ work }}.prompt_count * cast({{ facts }}.flops_per_logit as {{ big }})
{%- endmacro %}
{% macro decode_flops(facts, work) -%}
{%- set big = big_integer() -%}
{{ work }}.output_tokens
* (cast({{ facts }}.flops_per_token as {{ big }}) + cast({{ facts }}.flops_per_logit as {{ big }}))
+ {{ work }}.decode_context * cast({{ facts }}.flops_per_context as {{ big }})
{%- endmacro %}

{# The three parts of a linear weight as select items. `method` is the alias of int_costs__methods, `work`
   that of what holds the `weighed_sums`. #}
{% macro linear_parts(method, work) %}
{%- set big = big_integer() -%}
case {{ method }}.method
    when 'phase-weighted' then cast({{ work }}.computed_tokens as {{ big }}) * {{ method }}.prefill_ps
    when 'time-in-batch' then {{ work }}.prefill_us
    when 'flops' then {{ prefill_flops(method, work) }}
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
    when 'flops' then {{ decode_flops(method, work) }}
    else {{ work }}.output_tokens
end as decode_part
{%- endmacro %}
