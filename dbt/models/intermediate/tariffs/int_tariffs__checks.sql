-- Electricity bills against what the site's tariff asks for what its meter read, by kind of line; only where
-- the meter was read for the whole bill. A minimum charge counts as fixed.
with
billed as (
    select
        bill_id,
        meter_id,
        currency,
        bill_kind as kind,
        sum({{ money_units('amount') }}) as actual_units
    from {{ ref('int_costs__bill_lines') }}
    where site_id is not null and bill_kind in ('energy', 'rider', 'demand', 'fixed')
    group by bill_id, meter_id, currency, bill_kind
),

expected as (
    select
        period_id as bill_id,
        meter_id,
        currency,
        from_us,
        to_us,
        case when kind = 'minimum' then 'fixed' else kind end as kind,
        {{ known_sum('charge_units') }} as expected_units
    from {{ ref('int_tariffs__expected') }}
    where purpose = 'bill'
    group by period_id, meter_id, currency, from_us, to_us, case when kind = 'minimum' then 'fixed' else kind end
),

whole as (
    select expected.bill_id, expected.meter_id, expected.currency, expected.kind, expected.from_us
    from expected
    inner join {{ ref('int_energy__meter_hours') }} as hours
        on
            expected.meter_id = hours.meter_id
            and hours.hour_index * {{ hour_us() }} >= expected.from_us
            and hours.hour_index * {{ hour_us() }} < expected.to_us
    where expected.expected_units is not null
    group by
        expected.bill_id, expected.meter_id, expected.currency, expected.kind, expected.from_us, expected.to_us
    having sum(hours.measured_us) >= expected.to_us - expected.from_us
)

select
    'bill_vs_tariff' as check_name,
    expected.bill_id || ' ' || expected.meter_id || ' ' || expected.kind as subject,
    {{ timestamp_of_us('expected.from_us') }} as period_start,
    expected.currency,
    {{ money('expected.expected_units') }} as expected,
    {{ money('coalesce(billed.actual_units, 0)') }} as actual,
    -- Within one part in a hundred.
    abs(coalesce(billed.actual_units, 0) - expected.expected_units) * 100 <= abs(expected.expected_units)
        as is_balanced,
    expected.currency as unit
from expected
inner join whole
    on
        expected.bill_id = whole.bill_id and expected.meter_id = whole.meter_id
        and expected.currency = whole.currency and expected.kind = whole.kind
left join billed
    on
        expected.bill_id = billed.bill_id and expected.meter_id = billed.meter_id
        and expected.currency = billed.currency and expected.kind = billed.kind
