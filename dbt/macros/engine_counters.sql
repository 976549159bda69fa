{# Counters of engine_samples that the warehouse differences. #}
{% macro engine_counters() %}
{{ return([
    'input_tokens', 'input_cache_read_tokens', 'output_tokens',
    'prefix_cache_query_tokens', 'prefix_cache_hit_tokens', 'preemptions',
    'step_tokens', 'steps', 'spec_drafts', 'spec_draft_tokens', 'spec_accepted_tokens',
    'dp_scheduled_tokens', 'dp_imbalance_tokens', 'gflops_per_gpu', 'megabytes_per_gpu',
]) }}
{% endmacro %}

{# What a counter holds, as a double: FLOPs and bytes outgrow 64 bits within a year, so they are counted in
   billions and millions. #}
{% macro engine_counter(name) -%}
    {%- if name == 'gflops_per_gpu' -%}
        estimated_flops_per_gpu / 1000000000e0
    {%- elif name == 'megabytes_per_gpu' -%}
        (estimated_read_bytes_per_gpu + estimated_write_bytes_per_gpu) / 1000000e0
    {%- else -%}
        {{ name }}
    {%- endif -%}
{%- endmacro %}
