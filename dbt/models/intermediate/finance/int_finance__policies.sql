-- The chargeback policy of each period: the last one that holds when it begins.
with
policies as (
    select * from {{ ref('stg_lake__fleet_chargeback') }}
)

select
    periods.period,
    coalesce(policies.idle_policy, 'tenant-share') as idle_policy,
    coalesce(policies.overhead_policy, 'tenant-share') as overhead_policy
from {{ ref('int_finance__periods') }} as periods
left join policies
    on
        policies.valid_from <= cast(periods.first_date as timestamp)
        and coalesce(policies.valid_to > cast(periods.first_date as timestamp), true)
qualify row_number() over (
    partition by periods.period
    order by
        policies.valid_from desc nulls last, policies.source_file desc nulls last,
        policies.source_digest desc nulls last, policies.source_line desc nulls last
) = 1
