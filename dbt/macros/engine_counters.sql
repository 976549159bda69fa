{# Counters of engine_samples that the warehouse differences. #}
{% macro engine_counters() %}
{{ return([
    'input_tokens', 'input_cache_read_tokens', 'output_tokens',
    'prefix_cache_query_tokens', 'prefix_cache_hit_tokens', 'preemptions',
    'step_tokens', 'steps', 'spec_drafts', 'spec_draft_tokens', 'spec_accepted_tokens',
]) }}
{% endmacro %}
