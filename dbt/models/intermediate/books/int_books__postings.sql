select * from {{ ref('stg_books__postings') }}
