{# What tells one correction from another: columns of the ledger, without its hours and lines. A bill that
   is delivered again whole has other lines; only what differs in sum is a correction. #}
{% macro correction_keys() %}
    {{ return([
        'event_date', 'bill_id', 'cost_source', 'component', 'category', 'cause',
        'deployment_id', 'tenant_id', 'model', 'tier', 'site_id', 'region', 'currency'
    ]) }}
{% endmacro %}
