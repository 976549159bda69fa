-- What phase weights are learnt from: per deployment and UTC hour the GPU time while busy, the tokens that
-- it went to, and the seconds that the engine (or, without its histograms, the log) counted per phase.
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
    -- Seconds of the engine belong to the tokens of the engine, where it counts both.
    cast({{ int_div('engine.prefill_us', '1000') }} as {{ big_integer() }}) as prefill_ms,
    cast({{ int_div('engine.decode_us', '1000') }} as {{ big_integer() }}) as decode_ms,
    cast(coalesce(counted.input_computed_tokens, requests.computed_tokens) as {{ big_integer() }})
        as phase_computed_tokens,
    cast(coalesce(counted.engine_output_tokens, requests.output_tokens) as {{ big_integer() }})
        as phase_output_tokens
from requests
inner join busy
    on requests.deployment_id = busy.deployment_id and requests.hour_index = busy.hour_index
left join engine
    on requests.deployment_id = engine.deployment_id and requests.hour_index = engine.hour_index
left join counted
    on requests.deployment_id = counted.deployment_id and requests.hour_index = counted.hour_index
where busy.busy_ms > 0 and requests.computed_tokens + requests.cached_tokens + requests.output_tokens > 0
