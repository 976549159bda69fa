-- Dates whose ledger is made again: those that follow from something new, and those whose hours of GPUs
-- were made again.
{{ changed_dates('int_costs__fingerprints') }}
union
select event_date from {{ ref('int_gpu__restated_dates') }}
