-- FLOPs that a deployment did and bytes that it moved in an UTC hour: by the counters of its engines where all
-- of its replicas export them, else from the facts of its model and the request log (metrics: 3.3, 3.4).
-- In billions of FLOPs and millions of bytes, wide: one row of a log may stand for an hour of a whole fleet.
{{ config(materialized='view') }}
{% set big = big_integer() %}
with
requests as (
    select
        deployment_id,
        hour_index,
        bool_or(not is_split) as is_cache_unknown,
        {% for name in weighed_sums() -%}
        sum({{ name }}) as {{ name }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref('int_requests__hour_groups') }}
    group by deployment_id, hour_index
),

engines as (
    select
        counters.deployment_id,
        counters.hour_index,
        count(counters.gflops_per_gpu) as gflop_replicas,
        count(counters.megabytes_per_gpu) as megabyte_replicas,
        {% for name in ['gflops', 'megabytes'] -%}
        sum({{ int_div(
            'cast(counters.' ~ name ~ '_per_gpu as ' ~ big ~ ') * replicas.gpu_count',
            'nullif(counters.estimating_engines, 0)'
        ) }}) as {{ name }},
        {% endfor -%}
        sum(counters.steps) as steps,
        sum(counters.step_tokens) as step_tokens,
        sum(counters.spec_drafts) as drafts,
        sum(counters.spec_accepted_tokens) as accepted
    from {{ ref('int_engine__counter_hours') }} as counters
    inner join {{ ref('int_replicas__state_hours') }} as replicas
        on counters.replica_id = replicas.replica_id and counters.hour_index = replicas.hour_index
    group by counters.deployment_id, counters.hour_index
),

known as (
    select
        gpus.replica_count,
        gpus.replica_busy_us,
        facts.*,
        requests.is_cache_unknown,
        {{ all_but(['deployment_id', 'hour_index'], 'engines') }},
        {% for name in weighed_sums() -%}
        requests.{{ name }},
        {% endfor -%}
        gpus.hour_index,
        -- Requests in decoding at once, by Little's law on the log.
        {{ ratio('requests.decode_us', 'gpus.replica_busy_us') }} as decode_batch
    from {{ ref('int_deployments__gpu_hours') }} as gpus
    inner join {{ ref('int_fleet__facts') }} as facts on gpus.deployment_id = facts.deployment_id
    left join requests
        on gpus.deployment_id = requests.deployment_id and gpus.hour_index = requests.hour_index
    left join engines
        on gpus.deployment_id = engines.deployment_id and gpus.hour_index = engines.hour_index
),

stepped as (
    select
        *,
        cast({{ prefill_flops('known', 'known') }} + {{ decode_flops('known', 'known') }} as {{ big }}) as flops,
        -- Without a counter: one step a token and running request, fewer where drafts are accepted.
        cast(coalesce(steps, {{ whole(
            'output_tokens / greatest(1e0, decode_batch)'
            ~ ' * coalesce(cast(drafts as double) / nullif(drafts + accepted, 0), 1e0)'
        ) }}) as {{ big }}) as step_count,
        coalesce({{ ratio('step_tokens', 'steps') }}, greatest(1e0, decode_batch)) as tokens_per_read
    from known
),

moved as (
    select
        *,
        cast({{ int_div(
            'step_count * (weight_bytes - expert_bytes + coalesce(' ~ int_div(
                'cast(expert_bytes as ' ~ big ~ ') * '
                ~ experts_read_ppb('tokens_per_read', 'experts', 'experts_per_token'), '1000000000'
            ) ~ ', 0))', '1000000'
        ) }} as {{ big }}) as weight_megabytes,
        cast({{ int_div('decode_context * kv_bytes_per_token', '1000000') }} as {{ big }}) as kv_megabytes
    from stepped
)

select
    deployment_id,
    hour_index,
    cast(coalesce(
        case when gflop_replicas = replica_count then gflops end, {{ int_div('flops', '1000000000') }}
    ) as {{ big }}) as work_gflop,
    case
        when gflop_replicas = replica_count then 'engine'
        when flops is not null then case when is_cache_unknown then 'facts_at_most' else 'facts' end
    end as work_source,
    cast(coalesce(
        case when megabyte_replicas = replica_count then megabytes end, weight_megabytes + kv_megabytes
    ) as {{ big }}) as moved_megabytes,
    case
        when megabyte_replicas = replica_count then 'engine'
        when weight_megabytes + kv_megabytes is not null then 'facts'
    end as moved_source,
    weight_megabytes,
    kv_megabytes,
    cast(step_count as bigint) as step_count,
    cast(decode_us as bigint) as decode_us,
    cast(output_tokens as bigint) as work_output_tokens,
    cast(decode_context as {{ big }}) as decode_context,
    facts_source,
    missing_facts,
    weight_bytes,
    kv_bytes_per_token
from moved
