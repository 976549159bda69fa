-- Sightings of calls that several emitters saw (a gateway and an SDK, say). Who knows the tenant leads and
-- makes the attempt; the others tell what it does not know.
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_restated('started_date', 'int_requests__restated_dates') }}"
) }}
{% set filled = filled_from_sightings() %}
{% set of_input = input_parts() %}
{% set call = 'partition by call_key, call_number order by tenant_id is null, emitter asc' %}
{% set whole_call = call ~ ' rows between unbounded preceding and unbounded following' %}
with
sightings as (
    select
        *,
        {{ epoch_us('started_at') }} as started_us,
        {{ call_key() }} as call_key
    from {{ ref('int_requests__sightings') }}
    where not is_outer
    {% if is_incremental() -%}
    and request_id in (
        select request_id
        from {{ ref('int_requests__sightings') }}
        where {{ is_restated('started_date', 'int_requests__restated_dates') }}
    )
    {%- endif %}
),

timed as (
    select
        *,
        -- Sightings of one call start together; the same id an hour later is another call.
        started_us - lag(started_us) over (partition by call_key order by started_us asc, emitter asc)
            as since_us
    from sightings
    qualify count(*) over (partition by call_key) > 1
),

calls as (
    select
        *,
        sum(case when since_us <= {{ hour_us() }} then 0 else 1 end)
            over (partition by call_key order by started_us asc, emitter asc) as call_number
    from timed
),

filled_calls as (
    select
        emitter,
        request_id,
        started_date,
        row_number() over ({{ call }}) = 1 as is_lead,
        count(*) over (partition by call_key, call_number) as sighting_count,
        {% for column in filled -%}
        {{ first_known(column, whole_call) }} as {{ column }},
        {% endfor -%}
        {% for column in of_input -%}
        {{ first_known('case when input_total_tokens = lead_input then ' ~ column ~ ' end', whole_call) }}
            as {{ column }}{{ "," if not loop.last }}
        {% endfor %}
    from (
        select
            *,
            -- Parts of the input are taken from who counted the same input.
            {{ first_known('input_total_tokens', whole_call) }} as lead_input
        from calls
    ) as led
)

select *
from filled_calls
where {{ is_restated('started_date', 'int_requests__restated_dates') }}
