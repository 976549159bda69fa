-- List prices of the attempts whose deployment is, or was, split by price: what they weigh. Apart from the
-- list cost that is published, since that follows the books and the books follow these weights.
{% set condition %}
attempts.deployment_id in (
    select deployment_id from {{ ref('int_fleet__allocations') }} where method = 'price-weighted'
)
{% endset %}
{{ listed_attempts(condition) }}
