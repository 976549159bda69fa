{# Latency: which histograms are read, and percentiles that merge. #}

{# Histograms of engines that measure a latency, by their canonical name. #}
{% macro latency_histograms() %}
{{ return([
    'time_to_first_token_seconds', 'inter_token_latency_seconds',
    'request_time_per_output_token_seconds', 'e2e_request_latency_seconds',
    'request_queue_time_seconds', 'request_prefill_time_seconds', 'request_decode_time_seconds',
    'request_inference_time_seconds',
]) }}
{% endmacro %}

{# Measures of an attempt that have percentiles; the column is the name with `_seconds`. #}
{% macro latency_measures() %}
{{ return(['ttft', 'ttfo', 'tpot', 'icl', 'queue', 'prefill', 'decode', 'e2e', 'normalized']) }}
{% endmacro %}

{# Bucket of a sketch with a relative error of 1 %: the i with gamma^(i-1) < x <= gamma^i, gamma = 1.01 / 0.99
   (DDSketch, Masson et al., VLDB 2019). Buckets of any two sketches add up. 0 has a bucket of its own below
   all others. #}
{% macro sketch_bucket(x) -%}
case
    when {{ x }} > 0 then greatest({{ sketch_zero() }} + 1, cast(ceil(ln({{ x }}) / ln(1.01e0 / 0.99e0)) as bigint))
    when {{ x }} = 0 then {{ sketch_zero() }}
end
{%- endmacro %}
{% macro sketch_zero() %}-2000{% endmacro %}

{# The value that stands for a bucket: within 1 % of everything in it. #}
{% macro sketch_value(bucket) -%}
case
    when {{ bucket }} = {{ sketch_zero() }} then 0e0
    else 2e0 * power(1.01e0 / 0.99e0, {{ bucket }}) / (1.01e0 / 0.99e0 + 1e0)
end
{%- endmacro %}

{# Histograms of a group as one, each bound with the observations at or below it: counts are added where the
   layouts of buckets are equal, else at the bounds that all layouts have (metrics: 4.4).
   relation: layout, upper_bound, observation_count. keys: columns of the group. #}
{% macro merged_buckets(relation, keys) %}
select
    {{ keys | join(', ') }},
    upper_bound,
    cast(sum(cumulative_count) as bigint) as cumulative_count
from (
    select
        counted.*,
        sum(observation_count) over (
            partition by {{ keys | join(', ') }}, layout order by upper_bound asc
        ) as cumulative_count,
        max(layout_number) over (partition by {{ keys | join(', ') }}) as layout_count
    from (
        select
            {{ keys | join(', ') }},
            layout,
            upper_bound,
            sum(observation_count) as observation_count,
            dense_rank() over (partition by {{ keys | join(', ') }} order by layout asc) as layout_number
        from {{ relation }}
        group by {{ keys | join(', ') }}, layout, upper_bound
    ) as counted
) as cumulated
group by {{ keys | join(', ') }}, upper_bound
having count(*) = max(layout_count)
{% endmacro %}

{# Buckets of merged histograms with what lies below each, for `histogram_quantile`. #}
{% macro numbered_buckets(relation, keys) %}
select
    *,
    coalesce(lag(upper_bound) over (series), 0e0) as previous_bound,
    coalesce(lag(cumulative_count) over (series), 0) as previous_count,
    max(cumulative_count) over (partition by {{ keys | join(', ') }}) as total_count
from {{ relation }}
window series as (partition by {{ keys | join(', ') }} order by upper_bound asc)
{% endmacro %}

{# Quantile of a merged histogram as an aggregate over its buckets: linear within the bucket, from 0 in the
   first; in the last, unbounded one the highest finite bound, which `quantile_is_censored` tells.
   Needs previous_bound, previous_count, upper_bound, cumulative_count, total_count. #}
{% macro _holds_rank(q) -%}
previous_count < {{ q }} * total_count and {{ q }} * total_count <= cumulative_count
{%- endmacro %}
{% macro histogram_quantile(q) -%}
max(case when {{ _holds_rank(q) }} then
    case
        when upper_bound = cast('infinity' as double) then previous_bound
        else previous_bound + (upper_bound - previous_bound)
            * (({{ q }} * total_count - previous_count) / (cumulative_count - previous_count))
    end
end)
{%- endmacro %}
{% macro quantile_is_censored(q) -%}
bool_or({{ _holds_rank(q) }} and upper_bound = cast('infinity' as double))
{%- endmacro %}

{# Measures that have sketches. #}
{% macro sketched_measures() %}
{{ return(['ttft', 'tpot', 'queue', 'e2e']) }}
{% endmacro %}

{# Whether an attempt was answered; and whether it began as one that was, which is as true of what the client
   cancelled: the first tokens that it saw are as true as any (E16). #}
{% macro answered_and_begun() -%}
status in ('success', 'unknown') as is_answered,
status in ('success', 'unknown', 'cancelled') as is_begun
{%- endmacro %}

{# Condition: the attempt has this measure. One that the client cancelled has begun like any other, and has no end
   (E16). #}
{% macro has_latency(measure) -%}
{{ 'is_answered' if measure in ['decode', 'e2e', 'normalized'] else 'is_begun' }} and {{ measure }}_seconds is not null
{%- endmacro %}

{# Exact percentile, interpolated, over the attempts that have the measure. #}
{% macro percentile_of_attempts(measure, p) -%}
percentile_cont({{ p / 100 }}) within group (order by {{ measure }}_seconds asc)
    filter (where {{ has_latency(measure) }})
{%- endmacro %}

{# How many attempts there were, what became of them, and how many kept their objectives. #}
{% macro counted_attempts() -%}
count(*) as request_count,
{% for name, status in {
    'success': 'success', 'cancelled': 'cancelled', 'failed': 'failure', 'rejected': 'rejected', 'unknown': 'unknown',
}.items() -%}
count(case when status = '{{ status }}' then 1 end) as {{ name }}_count,
{% endfor -%}
count(case when is_superseded then 1 end) as superseded_count,
count(case when is_judged then 1 end) as attainment_den,
count(case when is_within_slo then 1 end) as attained_count
{%- endmacro %}

{# The same as columns of a mart. #}
{% macro attempt_counts() -%}
request_count, success_count, cancelled_count, failed_count, rejected_count, unknown_count, superseded_count,
{{ ratio('attained_count', 'attainment_den') }} as attainment_ratio, attainment_den
{%- endmacro %}
