-- What an owned server costs a year: straight line, and as the annuity that pays back its price with
-- interest, its value at the end taken off (metrics: 5.1). In 1e-12 of the currency; the annuity is worked
-- out in doubles and known to the millionth.
with
owned as (
    select
        *,
        useful_life_months / 12e0 as years,
        power(1e0 + discount_rate_ratio, -useful_life_months / 12e0) as discount,
        cast(purchase_price as double) as price,
        cast(coalesce(residual_value, 0) as double) as residual
    from {{ ref('int_fleet__servers') }}
    where ownership = 'owned' and purchase_price is not null and useful_life_months > 0
),

recovered as (
    select
        *,
        case
            when discount_rate_ratio = 0 then 1e0 / years
            else discount_rate_ratio / (1e0 - discount)
        end as capital_recovery_ratio
    from owned
)

select
    server_id,
    currency,
    capital_recovery_ratio,
    {{ int_div(money_units('purchase_price - coalesce(residual_value, 0)') ~ ' * 12', 'useful_life_months') }}
        as straight_line_units,
    cast({{ whole('(price - residual * discount) * capital_recovery_ratio', 1000000) }} as {{ big_integer() }})
    * 1000000 as annuity_units
from recovered
