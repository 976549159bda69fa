-- Emissions of a kWh that a site drew in an hour, in micrograms: location-based, and market-based by what its
-- contracts and certificates cover and the residual mix for the rest; where none is published, the grid's average
-- (GHG Protocol, Scope 2). A contract covers its share of every hour.
{{ config(materialized='view') }}
with
grid as (
    select
        grid_zone,
        hour_index,
        {% for method in ['average', 'residual'] -%}
        {{ int_div(
            "sum(case when method = '" ~ method ~ "' then milligrams * overlap_us end) * 1000",
            "sum(case when method = '" ~ method ~ "' then overlap_us end)"
        ) }} as {{ method }}_micrograms{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_energy__grid_hours') }}
    group by grid_zone, hour_index
),

contracts as (
    select
        site_id,
        {{ whole('covered_ratio', 1000000) }} as covered_ppm,
        {{ whole('carbon_grams_per_kwh', 1000000) }} as micrograms,
        {{ epoch_us('valid_from') }} as from_us,
        coalesce({{ epoch_us('valid_to') }}, {{ forever_us() }}) as to_us
    from {{ ref('stg_lake__fleet_energy_contracts') }}
    qualify row_number() over (
        partition by site_id, instrument, valid_from
        order by source_file desc, source_digest desc, source_line desc
    ) = 1
),

-- A contract holds from the hour in which it begins, to that in which it ends.
covered as (
    select
        hours.site_id,
        hours.hour_index,
        least(sum(contracts.covered_ppm), 1000000) as covered_ppm,
        sum(cast(contracts.covered_ppm as {{ big_integer() }}) * contracts.micrograms) as covered_micrograms
    from {{ ref('int_energy__site_hours') }} as hours
    inner join contracts
        on
            hours.site_id = contracts.site_id
            and hours.hour_index >= {{ hour_index('contracts.from_us') }}
            and hours.hour_index < {{ hour_index('contracts.to_us') }}
    group by hours.site_id, hours.hour_index
),

joined as (
    select
        hours.site_id,
        hours.hour_index,
        grid.average_micrograms,
        coalesce(grid.residual_micrograms, grid.average_micrograms) as rest_micrograms,
        case when grid.residual_micrograms is not null then 'residual' else 'location' end as rest_source,
        coalesce(covered.covered_ppm, 0) as covered_ppm,
        coalesce(covered.covered_micrograms, 0) as covered_micrograms
    from {{ ref('int_energy__site_hours') }} as hours
    left join grid on hours.grid_zone = grid.grid_zone and hours.hour_index = grid.hour_index
    left join covered on hours.site_id = covered.site_id and hours.hour_index = covered.hour_index
),

mixed as (
    select
        *,
        cast(case
            when covered_ppm = 1000000 then {{ int_div('covered_micrograms', '1000000') }}
            else {{ int_div(
                'covered_micrograms + (1000000 - covered_ppm) * cast(rest_micrograms as ' ~ big_integer() ~ ')',
                '1000000'
            ) }}
        end as bigint) as market_micrograms
    from joined
)

select
    site_id,
    hour_index,
    cast(average_micrograms as bigint) as location_micrograms,
    market_micrograms,
    case
        when market_micrograms is null then null
        when covered_ppm = 1000000 then 'contract'
        when covered_ppm > 0 then 'contract and ' || rest_source
        else rest_source
    end as market_source
from mixed
