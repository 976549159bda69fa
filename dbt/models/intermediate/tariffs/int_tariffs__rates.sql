-- Each tariff as it held over time: 1e-12 of the currency per unit, tiers in 1e-9 of theirs.
with
rates as (
    select * from {{ ref('stg_lake__tariff_rates') }}
    qualify row_number() over (
        partition by tariff_id, valid_from, component, period, tier
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

versions as (
    select
        tariff_id,
        valid_from,
        {{ epoch_us('valid_from') }} as valid_from_us,
        least(
            coalesce({{ epoch_us('max(valid_to)') }}, {{ forever_us() }}),
            coalesce(
                lead({{ epoch_us('valid_from') }}) over (
                    partition by tariff_id order by valid_from asc nulls first
                ),
                {{ forever_us() }}
            )
        ) as valid_to_us
    from rates
    group by tariff_id, valid_from
),

limited as (
    select
        *,
        -- Publishers write huge numbers where a tier has no end.
        case when tier_max < 1000000000000 then cast(tier_max * 1000000000 as {{ big_integer() }}) end
            as limit_nano
    from rates
)

select
    limited.tariff_id,
    versions.valid_from_us,
    versions.valid_to_us,
    limited.component,
    limited.period,
    limited.tier,
    limited.tier_unit,
    limited.unit,
    limited.currency,
    cast(limited.demand_window_minutes * 60000000 as bigint) as window_us,
    {{ money_units('limited.rate + coalesce(limited.adjustment, 0)') }} as rate_units,
    coalesce(
        lag(limited.limit_nano) over (
            partition by limited.tariff_id, limited.valid_from, limited.component, limited.period
            order by limited.tier asc nulls first
        ), 0
    ) as tier_from_nano,
    limited.limit_nano as tier_to_nano
from limited
inner join versions
    on limited.tariff_id = versions.tariff_id and limited.valid_from = versions.valid_from
