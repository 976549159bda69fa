-- The chargeback policy of each month: the last one that holds when the month begins.
with
months as (
    select
        month,
        cast(month || '-01' as timestamp) as month_start
    from (
        select month from {{ ref('int_finance__ledger_days') }}
        union
        select {{ year_month('event_date') }} as month from {{ ref('int_costs__unit_groups') }}
    ) as dated
),

policies as (
    select * from {{ ref('stg_lake__fleet_chargeback') }}
)

select
    months.month,
    coalesce(policies.idle_policy, 'tenant-share') as idle_policy,
    coalesce(policies.overhead_policy, 'tenant-share') as overhead_policy
from months
left join policies
    on
        policies.valid_from <= months.month_start
        and coalesce(policies.valid_to > months.month_start, true)
qualify row_number() over (
    partition by months.month
    order by
        policies.valid_from desc nulls last, policies.source_file desc nulls last,
        policies.source_digest desc nulls last, policies.source_line desc nulls last
) = 1
