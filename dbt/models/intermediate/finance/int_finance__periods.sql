-- Periods in which chargeback and variance are told: calendar months, and those of the books' calendar
-- where its periods are no months. `period` tells one from all others, whichever their calendar.
{% set month_start = "cast(month || '-01' as timestamp)" %}
{% set dated = ['int_books__fingerprints', 'int_finance__ledger_days', 'int_costs__unit_groups'] %}
with
stated as (
    select * from {{ ref('int_books__periods') }}
),

-- Months whose fiscal year begins elsewhere than in January have a name of their own.
named as (
    select
        first_date,
        min(period) as period_name
    from stated
    where calendar = 'gregorian' and is_books_calendar
    group by first_date
),

months as (
    select
        month,
        {{ year_month(plus_months(month_start, -1)) }} as base_month,
        cast({{ month_start }} as date) as first_date,
        cast({{ plus_months(month_start, 1) }} - interval 1 day as date) as last_date,
        cast({{ plus_months(month_start, -1) }} as date) as base_date
    from (
        {% for model in dated -%}
        select {{ year_month('event_date') }} as month from {{ ref(model) }}
        {{ "union" if not loop.last }}
        {% endfor %}
    ) as dated
)

select
    months.month as period,
    months.base_month as base_period,
    'gregorian' as calendar,
    coalesce(named.period_name, months.month) as period_name,
    coalesce(base_named.period_name, months.base_month) as base_name,
    months.month,
    months.base_month,
    months.first_date,
    months.last_date
from months
left join named on months.first_date = named.first_date
left join named as base_named on months.base_date = base_named.first_date
union all
select
    calendar || ' ' || period as period,
    calendar || ' ' || lag(period) over (partition by calendar order by first_date) as base_period,
    calendar,
    period as period_name,
    lag(period) over (partition by calendar order by first_date) as base_name,
    cast(null as string) as month,
    cast(null as string) as base_month,
    first_date,
    last_date
from stated
where is_books_calendar and calendar <> 'gregorian'
