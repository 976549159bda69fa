-- Energy lines of a site whose meter nobody read, but whose bill says how much it is for: the GPUs account
-- for their energy × PUE, and what is left of the bill nobody explains (metrics: 5.6, SYN-13). In 1e-9 of
-- the line; none where the GPUs account for all of it.
with
lines as (
    select * from {{ ref('int_costs__lines') }}
    where scope = 'site' and bill_kind in ('energy', 'rider')
),

meters as (
    select
        lines.line_key,
        max(lines.period_to_us - lines.period_from_us) as period_us,
        sum(case when hours.hour_index is not null then least(
            hours.measured_us, {{ clipped_to('lines.period_to_us', 'hours.hour_index') }}
            - {{ clipped_from('lines.period_from_us', 'hours.hour_index') }}
        ) end) as metered_us
    from lines
    left join {{ ref('int_energy__meter_hours') }} as hours
        on
            lines.meter_id = hours.meter_id
            and (hours.hour_index + 1) * {{ hour_us() }} > lines.period_from_us
            and hours.hour_index * {{ hour_us() }} < lines.period_to_us
    group by lines.line_key
),

gpus as (
    select
        line_key,
        sum(overlap_us) as seen_us,
        -- Where a zone is off by half an hour, so is the first and the last hour of its bills.
        {{ known_sum(int_div(
            int_div('cast(gpu_energy_mj as ' ~ big_integer() ~ ') * pue_ppm', '1000000') ~ ' * overlap_us', hour_us()
        )) }} as facility_mj
    from (
        select
            lines.line_key,
            hours.gpu_energy_mj,
            hours.pue_ppm,
            {{ clipped_to('lines.period_to_us', 'hours.hour_index') }}
            - {{ clipped_from('lines.period_from_us', 'hours.hour_index') }} as overlap_us
        from lines
        inner join {{ ref('int_energy__site_hours') }} as hours
            on
                lines.scope_id = hours.site_id
                and (hours.hour_index + 1) * {{ hour_us() }} > lines.period_from_us
                and hours.hour_index * {{ hour_us() }} < lines.period_to_us
    ) as overlapped
    group by line_key
)

select
    lines.line_key,
    -- 1e-9 kWh is 3.6 mJ.
    {{ int_div('gpus.facility_mj * 10000000000', 'billed.stated_nkwh * 36') }} as explained_ppb
from lines
inner join {{ ref('int_costs__bill_prices') }} as billed
    on
        lines.bill_id = billed.bill_id and lines.meter_id = billed.meter_id
        and lines.currency = billed.currency
inner join meters on lines.line_key = meters.line_key
inner join gpus on lines.line_key = gpus.line_key
where
    coalesce(meters.metered_us, 0) < meters.period_us
    and gpus.seen_us = meters.period_us
    and gpus.facility_mj * 10 < billed.stated_nkwh * 36
