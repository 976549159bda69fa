-- What the GPUs of a period's servers are offered for, in 1e-12 US dollars per GPU-hour: the lowest price of each way
-- to buy, of offers last seen in the 92 days before the period ends. Offers are found by the chip, so one that says
-- only `H100` is of none.
{% set options = ['on_demand', 'reserved', 'spot'] %}
with
spans as (
    select distinct
        dates.period,
        servers.gpu_model,
        {{ end_of_date_us('periods.last_date') }} as end_us
    from {{ ref('int_costs__server_days') }} as days
    inner join {{ ref('int_fleet__servers') }} as servers on days.server_id = servers.server_id
    inner join {{ ref('int_finance__period_dates') }} as dates on days.event_date = dates.event_date
    inner join {{ ref('int_finance__periods') }} as periods on dates.period = periods.period
),

offered as (
    select
        *,
        {{ epoch_us('observed_at') }} as observed_us,
        {{ int_div(money_units('price_per_hour'), 'gpu_count') }} as price_units
    from {{ ref('stg_lake__gpu_offers') }}
),

chips as (
    select
        names.gpu_model,
        facts.chip
    from (
        select gpu_model from spans
        union
        select gpu_model from offered
    ) as names
    inner join {{ ref('chip_facts') }} as facts
        on {{ is_known_as('facts.known_as', chip_key('names.gpu_model')) }}
),

seen as (
    select
        spans.period,
        spans.gpu_model,
        offered.purchase_option,
        offered.currency,
        offered.price_units
    from spans
    inner join chips as own on spans.gpu_model = own.gpu_model
    inner join chips as others on own.chip = others.chip
    inner join offered
        on
            others.gpu_model = offered.gpu_model
            and offered.observed_us < spans.end_us
            and offered.observed_us >= spans.end_us - 92 * 24 * {{ hour_us() }}
    qualify row_number() over (
        partition by
            spans.period, spans.gpu_model, offered.provider, offered.offer_id, offered.region,
            offered.purchase_option, offered.currency
        order by offered.observed_us desc, offered.source_file desc, offered.source_line desc
    ) = 1
),

priced as (
    select
        seen.period,
        seen.gpu_model,
        seen.purchase_option,
        case
            when seen.currency = 'USD' then seen.price_units
            else {{ mul_div_round('seen.price_units', 'rates.rate_units', '1000000000000') }}
        end as usd_units
    from seen
    left join {{ ref('int_finance__period_rates') }} as rates
        on seen.period = rates.period and seen.currency = rates.currency
)

select
    spans.period,
    spans.gpu_model,
    max(case when own.chip is not null then 1 else 0 end) = 1 as is_known_chip,
    count(priced.usd_units) as offer_count,
    {% for option in options -%}
    min(case when priced.purchase_option = '{{ option }}' then priced.usd_units end) as {{ option }}_units
    {{- "," if not loop.last }}
    {% endfor %}
from spans
left join chips as own on spans.gpu_model = own.gpu_model
left join priced on spans.period = priced.period and spans.gpu_model = priced.gpu_model
group by spans.period, spans.gpu_model
