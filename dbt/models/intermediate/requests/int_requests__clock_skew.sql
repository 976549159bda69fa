-- What clocks differ by, per date. Two emitters of one call: the middle of it is the same moment for who
-- calls and who answers, if both ways take as long (as NTP reckons). One emitter: how far its own times of a
-- request run backwards, 0 where they do not (E21).
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('event_date', 'int_requests__restated_dates') }}"
) }}
with
sightings as (
    select
        emitter,
        {{ call_key() }} as call_key,
        started_date,
        {{ epoch_us('started_at') }} as started_us,
        coalesce(
            {{ epoch_us('ended_at') }}, {{ epoch_us('started_at') }} + {{ whole('e2e_seconds', 1000000) }}
        ) as ended_us
    from {{ ref('int_requests__sightings') }}
    where
        not is_outer and clock = 'utc'
        {% if is_incremental() -%}
        and request_id in (
            select request_id
            from {{ ref('int_requests__sightings') }}
            where {{ is_restated('started_date', 'int_requests__restated_dates') }}
        )
        {%- endif %}
),

pairs as (
    select
        one.started_date,
        one.emitter,
        another.emitter as other_emitter,
        {{ sign_of('another.started_us + another.ended_us - one.started_us - one.ended_us') }}
        * {{ int_div('abs(another.started_us + another.ended_us - one.started_us - one.ended_us)', '2') }}
            as skew_us
    from sightings as one
    inner join sightings as another
        on one.call_key = another.call_key and one.emitter < another.emitter
    where
        one.ended_us is not null and another.ended_us is not null
        -- The same id an hour later is another call.
        and abs(another.started_us - one.started_us) <= {{ hour_us() }}
),

own as (
    select
        started_date,
        emitter,
        cast(null as string) as other_emitter,
        greatest(
            0,
            coalesce({{ epoch_us('started_at') }} - {{ epoch_us('first_token_at') }}, 0),
            coalesce({{ epoch_us('started_at') }} - {{ epoch_us('ended_at') }}, 0),
            coalesce({{ epoch_us('first_token_at') }} - {{ epoch_us('ended_at') }}, 0)
        ) as skew_us
    from {{ ref('int_requests__seen') }}
    where clock = 'utc' and (first_token_at is not null or ended_at is not null)
)

select
    started_date as event_date,
    emitter,
    other_emitter,
    count(*) as call_count,
    percentile_cont(0.5) within group (order by skew_us asc) as median_skew_us,
    percentile_cont(0.95) within group (order by abs(skew_us) asc) as p95_skew_us
from (
    select * from pairs
    union all
    select * from own
) as skewed
where {{ is_restated('started_date', 'int_requests__restated_dates') }}
group by started_date, emitter, other_emitter
