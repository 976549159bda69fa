{# Segment of a cost, of GPU time or of tokens, for reports that compare months: model, tier and region of
   the deployment. What belongs to none has segments of its own, so that segments add up to the ledger.

   deployment_id: column. deployments: alias with model, tier and region. cause: of the ledger's entry.
   region: where there is no deployment. #}
{% macro segment_columns(deployment_id, deployments, cause, region) -%}
case
    when {{ deployment_id }} is not null then coalesce({{ deployments }}.model, '(unknown)')
    when {{ cause }} = 'unallocated' then '(unallocated)'
    when {{ cause }} = 'unobserved' then '(unobserved)'
    else '(shared)'
end as model,
case
    when {{ deployment_id }} is not null then coalesce({{ deployments }}.tier, '(unknown)') else '(none)'
end as tier,
coalesce({{ deployments }}.region, {{ region }}, '(unknown)') as region
{%- endmacro %}
