-- What is known of the model that a deployment serves: as fleet.yaml states it, else as the seed of public
-- facts knows it by its name. What neither knows stays null, and `missing_facts` says what that is.
with
deployments as (
    select
        *,
        {{ model_key('model') }} as model_key,
        coalesce(
            model_parameters_active, model_parameters_total, model_layers, model_heads, model_kv_heads,
            model_head_dim, model_hidden, model_vocabulary
        ) is not null as is_stated
    from {{ ref('int_fleet__deployments') }}
),

known as (
    select
        deployments.*,
        facts.source,
        coalesce(deployments.model_parameters_active, facts.parameters_active) as parameters_active,
        coalesce(deployments.model_parameters_total, facts.parameters_total) as parameters_total,
        coalesce(
            deployments.model_layers * deployments.model_heads * deployments.model_head_dim,
            facts.layers * facts.heads * facts.head_dim
        ) as attention_width,
        coalesce(
            deployments.model_hidden * deployments.model_vocabulary, facts.hidden * facts.vocabulary
        ) as unembedding,
        coalesce(
            2 * deployments.model_layers * deployments.model_kv_heads * deployments.model_head_dim,
            facts.kv_values_per_token
        ) as kv_values_per_token,
        facts.expert_parameters,
        facts.experts,
        facts.experts_per_token,
        coalesce(deployments.model_bytes_per_weight, precisions.bytes_per_weight) as bytes_per_weight,
        -- Engines keep keys and values in 16 bits unless they are told otherwise.
        coalesce(deployments.model_bytes_per_kv_value, 2e0) as bytes_per_kv_value,
        precisions.compute_type
    from deployments
    left join {{ ref('model_facts') }} as facts
        on {{ is_known_as('facts.known_as', 'deployments.model_key') }}
    left join {{ ref('precision_facts') }} as precisions
        on deployments.precision = precisions.precision
),

judged as (
    select
        *,
        -- Parameters that a token does not pass and that no embedding explains are experts.
        (parameters_active + 2 * unembedding) * 10 < parameters_total * 9 as is_sparse
    from known
)

select
    deployment_id,
    precision,
    compute_type,
    case
        when is_stated and source is not null then 'fleet.yaml, else ' || source
        when is_stated then 'fleet.yaml'
        else source
    end as facts_source,
    {{ joined_flags({
        'model': 'parameters_active is null or parameters_total is null or attention_width is null'
            ~ ' or unembedding is null or kv_values_per_token is null',
        'precision': 'bytes_per_weight is null or compute_type is null',
        'experts': 'is_sparse and expert_parameters is null',
    }) }} as missing_facts,
    -- FLOPs per token, per token that is attended to, and per token whose successor is chosen (metrics: 3.3).
    2 * parameters_active as flops_per_token,
    4 * attention_width as flops_per_context,
    2 * unembedding as flops_per_logit,
    {{ whole('parameters_total * bytes_per_weight') }} as weight_bytes,
    case
        when expert_parameters is not null then {{ whole('expert_parameters * bytes_per_weight') }}
        when not is_sparse then 0
    end as expert_bytes,
    experts,
    experts_per_token,
    {{ whole('kv_values_per_token * bytes_per_kv_value') }} as kv_bytes_per_token
from judged
