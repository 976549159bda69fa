-- What is written off of an owned server in equal months, and the capital that bears interest, from its purchase on and from each revision of its life
-- or residual value on: a new estimate changes what is to come and nothing that was (metrics: 5.1).
with
servers as (
    select * from {{ ref('int_fleet__servers') }}
    where ownership = 'owned' and purchase_price is not null and useful_life_months > 0
),

revised as (
    select * from {{ ref('stg_lake__fleet_depreciation') }}
    qualify row_number() over (
        partition by server_id, first_month order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

stretches as (
    select
        server_id,
        cast(0 as bigint) as first_month,
        cast(useful_life_months as bigint) as month_count,
        {{ money_units('purchase_price - coalesce(residual_value, 0)') }} as depreciable_units,
        purchase_price as capital,
        coalesce(residual_value, 0) as residual_value
    from servers
    union all
    select server_id, first_month, month_count, {{ money_units('amount') }}, capital, residual_value
    from revised
),

-- A stretch ends where the next begins.
bounded as (
    select
        *,
        least(
            first_month + month_count,
            coalesce(lead(first_month) over (partition by server_id order by first_month asc), first_month + month_count)
        ) as until_month
    from stretches
)

select
    bounded.server_id,
    bounded.first_month,
    bounded.until_month,
    bounded.month_count,
    bounded.depreciable_units,
    bounded.capital,
    bounded.residual_value,
    {{ epoch_us(plus_months('servers.valid_from', 'bounded.first_month')) }} as from_us,
    {{ epoch_us(plus_months('servers.valid_from', 'bounded.until_month')) }} as to_us,
    {{ epoch_us(plus_months('servers.valid_from', 'bounded.first_month + bounded.month_count')) }}
    - {{ epoch_us(plus_months('servers.valid_from', 'bounded.first_month')) }} as whole_us
from bounded
inner join servers on bounded.server_id = servers.server_id
where bounded.until_month > bounded.first_month
