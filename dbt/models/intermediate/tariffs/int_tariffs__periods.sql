-- What is priced: the period of each bill of a site's meter, and the months that no bill covers yet.
with
lines as (
    select * from {{ ref('int_costs__bill_lines') }}
    where site_id is not null
),

billed as (
    select
        'bill' as purpose,
        bill_id as period_id,
        meter_id,
        min(period_from_us) as from_us,
        max(period_to_us) as to_us
    from lines
    group by bill_id, meter_id
),

periods as (
    select * from billed
    union all
    select 'accrual' as purpose, period_id, meter_id, from_us, to_us
    from {{ ref('int_tariffs__open_months') }}
),

timed as (
    select
        periods.*,
        meters.site_id,
        meters.time_zone,
        meters.tariff_id,
        meters.market,
        meters.grid_zone,
        meters.currency as site_currency,
        meters.interval_us,
        {{ local_us('periods.from_us', 'meters.time_zone') }} as local_from_us,
        {{ local_us('periods.to_us', 'meters.time_zone') }} as local_to_us
    from periods
    inner join {{ ref('int_tariffs__meters') }} as meters on periods.meter_id = meters.meter_id
),

versions as (
    select
        tariff_id,
        valid_from_us,
        valid_to_us,
        min(currency) as currency,
        max(window_us) as window_us
    from {{ ref('int_tariffs__rates') }}
    group by tariff_id, valid_from_us, valid_to_us
),

months as (
    select
        *,
        {{ int_div('local_to_us - local_from_us + 43200000000', '86400000000') }} as days,
        {{ epoch_us("date_trunc('month', " ~ timestamp_of_us('local_from_us') ~ ")") }} as month_from_us,
        {{ epoch_us(plus_months("date_trunc('month', " ~ timestamp_of_us('local_from_us') ~ ")", '1')) }}
            as month_to_us
    from timed
)

select
    months.purpose,
    months.period_id,
    months.meter_id,
    months.site_id,
    months.market,
    months.grid_zone,
    months.from_us,
    months.to_us,
    months.local_from_us,
    months.days,
    months.tariff_id,
    versions.valid_from_us as tariff_from_us,
    coalesce(versions.currency, months.site_currency) as currency,
    -- Without a window of the tariff a meter's own interval is the finest peak there is.
    coalesce(versions.window_us, months.interval_us) as window_us,
    -- What is charged by the month: a bill of up to 35 days is one; a month under way, what is over of it.
    case
        when months.purpose = 'accrual' then months.local_to_us - months.local_from_us
        when months.days <= 35 then 1
        else {{ int_div('months.days * 24 + 365', '730') }}
    end as month_part,
    case when months.purpose = 'accrual' then months.month_to_us - months.month_from_us else 1 end as month_whole
from months
left join versions
    on
        months.tariff_id = versions.tariff_id
        -- A tariff holds from a moment, or from a date that its file does not place in a zone: October in Berlin begins
        -- at 22:00 UTC on 30 September.
        and greatest(months.from_us, months.local_from_us) >= versions.valid_from_us
        and greatest(months.from_us, months.local_from_us) < versions.valid_to_us
