select
    cast(period as string) as period,
    cast(first_date as date) as first_date,
    cast(last_date as date) as last_date,
    cast(posted_period as string) as posted_period,
    cast(posted_from as date) as posted_from,
    cast(posted_until as date) as posted_until
from {{ source('books', 'postings') }}
