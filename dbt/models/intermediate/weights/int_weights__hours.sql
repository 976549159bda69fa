-- What phase weights are learnt from: per deployment and UTC hour the GPU time while busy, the tokens that
-- it went to, and the seconds that the engine (or, without its histograms, the log) counted per phase.
{{ config(materialized='view') }}
with
busy as (
    select
        deployment_id,
        hour_index,
        {{ int_div('sum(state_us)', '1000') }} as busy_ms
    from {{ ref('int_gpu__state_hours') }}
    where state = 'busy'
    group by deployment_id, hour_index
),

requests as (
    select * from {{ ref('int_deployments__request_hours') }}
),

engine as (
    select
        deployment_id,
        hour_index,
        {% for phase in ['prefill', 'decode'] -%}
        sum(case when metric = 'request_{{ phase }}_time_seconds' then observation_sum_us end)
            as {{ phase }}_us{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_latency__histogram_hours') }}
    where metric in ('request_prefill_time_seconds', 'request_decode_time_seconds')
    group by deployment_id, hour_index
),

counted as (
    select
        deployment_id,
        hour_index,
        engine_input_tokens - engine_input_cache_read_tokens as input_computed_tokens,
        engine_output_tokens
    from {{ ref('int_deployments__engine_hours') }}
),

logged as (
    select
        deployment_id,
        hour_index,
        sum(prefill_us) as prefill_us,
        sum(decode_us) as decode_us,
        sum(computed_tokens) as computed_tokens,
        sum(output_tokens) as output_tokens
    from {{ ref('int_weights__logged') }}
    group by deployment_id, hour_index
),

-- Seconds of the engine belong to the tokens of the engine, where it counts both; those of the log to its own.
phases as (
    select
        requests.deployment_id,
        requests.hour_index,
        engine.prefill_us is not null and engine.decode_us is not null as is_engine,
        engine.prefill_us as engine_prefill_us,
        engine.decode_us as engine_decode_us,
        coalesce(counted.input_computed_tokens, requests.computed_tokens) as engine_computed_tokens,
        coalesce(counted.engine_output_tokens, requests.output_tokens) as engine_output_tokens,
        logged.prefill_us as logged_prefill_us,
        logged.decode_us as logged_decode_us,
        logged.computed_tokens as logged_computed_tokens,
        logged.output_tokens as logged_output_tokens
    from requests
    left join engine
        on requests.deployment_id = engine.deployment_id and requests.hour_index = engine.hour_index
    left join counted
        on requests.deployment_id = counted.deployment_id and requests.hour_index = counted.hour_index
    left join logged
        on requests.deployment_id = logged.deployment_id and requests.hour_index = logged.hour_index
)

select
    requests.deployment_id,
    requests.hour_index,
    extract(year from {{ hour_start('requests.hour_index') }}) * 12
    + extract(month from {{ hour_start('requests.hour_index') }}) - 1 as month_number,
    cast(busy.busy_ms as {{ big_integer() }}) as busy_ms,
    cast(requests.computed_tokens as {{ big_integer() }}) as computed_tokens,
    cast(requests.cached_tokens as {{ big_integer() }}) as cached_tokens,
    cast(requests.output_tokens as {{ big_integer() }}) as output_tokens,
    {% for phase, tokens in {'prefill': 'computed', 'decode': 'output'}.items() -%}
    cast({{ int_div(
        'case when phases.is_engine then phases.engine_' ~ phase ~ '_us else phases.logged_' ~ phase ~ '_us end',
        '1000'
    ) }} as {{ big_integer() }}) as {{ phase }}_ms,
    cast(
        case
            when phases.is_engine then phases.engine_{{ tokens }}_tokens
            else phases.logged_{{ tokens }}_tokens
        end as {{ big_integer() }}
    ) as phase_{{ tokens }}_tokens{{ "," if not loop.last }}
    {% endfor %}
from requests
inner join busy
    on requests.deployment_id = busy.deployment_id and requests.hour_index = busy.hour_index
inner join phases
    on requests.deployment_id = phases.deployment_id and requests.hour_index = phases.hour_index
where busy.busy_ms > 0 and requests.computed_tokens + requests.cached_tokens + requests.output_tokens > 0
