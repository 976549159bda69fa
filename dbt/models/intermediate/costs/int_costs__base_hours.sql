-- Each charge line but taxes and credits over UTC hours. Where prices fell below zero, the hours that cost
-- and those that earned share what they add up to: each group by its own weights.
{{ config(materialized='view') }}
with
weights as (
    select
        *,
        weight < 0 as is_earning,
        sum(greatest(weight, 0)) over (partition by line_key) as cost_weight,
        sum(greatest(-weight, 0)) over (partition by line_key) as earned_weight
    from {{ ref('int_costs__hour_weights') }}
),

measured as (
    select
        line_key,
        hour_index,
        hour_method,
        explained_ppb,
        is_earning,
        abs(weight) as weight,
        case
            when earned_weight = 0 then amount_units
            when is_earning
                then -{{ mul_div_round('amount_units', 'earned_weight', '(cost_weight - earned_weight)') }}
            else amount_units
                + {{ mul_div_round('amount_units', 'earned_weight', '(cost_weight - earned_weight)') }}
        end as group_units
    from weights
),

allocated as (
    {{ allocate('measured', ['line_key', 'is_earning'], 'weight', ['hour_index'], {'hour_units': 'group_units'}) }}
)

select line_key, hour_index, hour_method, explained_ppb, hour_units
from allocated
where hour_units <> 0
