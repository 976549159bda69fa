-- Meters of sites: whose wall clock and tariff they are under, and their usual interval.
with
sites as (
    select
        facility_meter_id as meter_id,
        min(site_id) as site_id
    from {{ ref('int_fleet__sites') }}
    where facility_meter_id is not null
    group by facility_meter_id
),

usual as (
    select
        meter_id,
        percentile_disc(0.5) within group (order by to_us - from_us asc) as interval_us
    from {{ ref('int_energy__readings') }}
    group by meter_id
)

select
    sites.meter_id,
    sites.site_id,
    places.time_zone,
    places.currency,
    places.tariff_id,
    places.grid_zone,
    case when places.tariff_id in ('day_ahead', 'intraday', 'real_time') then places.tariff_id end as market,
    greatest(usual.interval_us, {{ slot_us() }}) as interval_us
from sites
inner join {{ ref('int_fleet__sites') }} as places on sites.site_id = places.site_id
left join usual on sites.meter_id = usual.meter_id
