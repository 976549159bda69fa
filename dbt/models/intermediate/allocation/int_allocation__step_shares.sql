-- Equal share of busy time (metrics: 5.4, M4): the integral of dt / B(t) over an attempt's running time, in
-- picoseconds, before and after its first token. B counts the attempts that run on the same replica.
with
attempts as (
    select
        emitter,
        request_id,
        started_date,
        hour_index,
        deployment_id || ' ' || coalesce(replica_id, '') as lane,
        service_from_us as from_us,
        service_from_us + prefill_us as first_us,
        service_from_us + service_us as to_us,
        service_us
    from {{ ref('int_allocation__special_hours') }}
    where method in ('equal-share', 'bytes') and service_us > 0
),

changes as (
    select lane, hour_index, from_us as at_us, 1 as change from attempts
    union all
    select lane, hour_index, to_us, -1 from attempts
    union all
    select lane, hour_index, first_us, 0 from attempts
),

moments as (
    select lane, hour_index, at_us, sum(change) as change
    from changes
    group by lane, hour_index, at_us
),

running as (
    select
        lane,
        hour_index,
        at_us,
        sum(change) over (partition by lane, hour_index order by at_us asc) as running,
        lead(at_us) over (partition by lane, hour_index order by at_us asc) as next_us
    from moments
),

clock as (
    select
        lane,
        hour_index,
        at_us,
        coalesce(sum({{ int_div('(next_us - at_us) * 1000000', 'nullif(running, 0)') }}) over (
            partition by lane, hour_index order by at_us asc
            rows between unbounded preceding and 1 preceding
        ), 0) as shared_ps
    from running
)

select
    attempts.emitter,
    attempts.request_id,
    attempts.started_date,
    attempts.hour_index,
    attempts.service_us,
    cast(at_first.shared_ps - at_start.shared_ps as {{ big_integer() }}) as prefill_ps,
    cast(at_end.shared_ps - at_first.shared_ps as {{ big_integer() }}) as decode_ps
from attempts
{% for name, at in {'at_start': 'from_us', 'at_first': 'first_us', 'at_end': 'to_us'}.items() -%}
inner join clock as {{ name }}
    on
        attempts.lane = {{ name }}.lane
        and attempts.hour_index = {{ name }}.hour_index
        and attempts.{{ at }} = {{ name }}.at_us
{% endfor %}
