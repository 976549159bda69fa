-- The effects of a segment are its change to the last unit, and segments are the ledger.
with
ledger as (
    select
        {{ year_month('event_date') }} as month,
        sum(cost_usd) as cost_usd,
        count(case when cost_usd is null then 1 end) as unknown_count
    from {{ ref('fct_cost_ledger') }}
    group by 1
),

variance as (
    select
        month,
        sum(cost_usd) as cost_usd,
        count(
            case
                when
                    volume_effect_usd + mix_effect_usd + efficiency_effect_usd + price_effect_usd
                    + fx_effect_usd + new_effect_usd + discontinued_effect_usd <> change_usd
                    then 1
            end
        ) as broken_count
    from {{ ref('rpt_variance') }}
    group by month
)

select ledger.*
from ledger
full outer join variance on ledger.month = variance.month
where
    variance.broken_count is distinct from 0
    or (ledger.unknown_count = 0 and ledger.cost_usd is distinct from variance.cost_usd)
