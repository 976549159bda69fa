-- What an owned server costs a year from its purchase on and from each revision on: straight line, and as the annuity
-- that pays back what is not paid back with interest, its value at the end taken off (metrics: 5.1). In 1e-12 of the
-- currency; the annuity is worked out in doubles and known to the millionth.
with
owned as (
    select
        stretches.*,
        servers.currency,
        servers.discount_rate_ratio,
        stretches.month_count / 12e0 as years,
        power(1e0 + servers.discount_rate_ratio, -stretches.month_count / 12e0) as discount
    from {{ ref('int_fleet__depreciation') }} as stretches
    inner join {{ ref('int_fleet__servers') }} as servers on stretches.server_id = servers.server_id
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
    cast({{ timestamp_of_us('from_us') }} as date) as from_date,
    cast({{ timestamp_of_us('to_us') }} as date) as to_date,
    capital_recovery_ratio,
    {{ int_div('depreciable_units * 12', 'month_count') }} as straight_line_units,
    cast({{ whole(
        at_least_zero('cast(capital as double) - cast(residual_value as double) * discount')
        ~ ' * capital_recovery_ratio', 1000000
    ) }} as {{ big_integer() }}) * 1000000 as annuity_units
from recovered
