-- What the books have stated of the closed periods by day: their ledgers, and the corrections that were
-- posted in periods that are closed too.
{% set columns = correction_keys() + ['charge_line_id', 'cost', 'cost_usd'] %}
select
    closed.period,
    {% for column in columns %}closed.{{ column }}{{ ", " if not loop.last }}{% endfor %}
from {{ ref('stg_books__ledger') }} as closed
inner join {{ ref('int_books__postings') }} as postings on closed.period = postings.period
union all
select
    corrected_period as period,
    {{ columns | join(', ') }}
from {{ ref('int_books__corrections_posted') }}
