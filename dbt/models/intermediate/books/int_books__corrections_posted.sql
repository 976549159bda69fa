-- Corrections that stay for ever: those of the periods that are closed by their record.
select posted.*
from {{ ref('stg_books__corrections') }} as posted
inner join {{ ref('int_books__postings') }} as postings on posted.posted_period = postings.period
