{% set keys = ['event_date', 'model', 'tier', 'region'] %}
with
hours as (
    select
        hour_index,
        started_date as event_date,
        model,
        tier,
        region,
        count(*) as request_count,
        count(case when is_judged then 1 end) as judged_count,
        count(case when is_within_slo then 1 end) as attained_count,
        sum(case when is_within_slo then output_total_tokens end) as good_output_tokens,
        max(slo_ttft_seconds) as slo_ttft_seconds,
        max(slo_tpot_seconds) as slo_tpot_seconds,
        max(slo_e2e_seconds) as slo_e2e_seconds
    from {{ ref('int_latency__attempts') }}
    where {{ is_restated('started_date') }}
    group by hour_index, started_date, model, tier, region
),

gpus as (
    select
        hour_index,
        model,
        tier,
        region,
        sum(assigned_us) as assigned_us
    from {{ ref('int_deployments__hours') }}
    where {{ is_restated('event_date') }}
    group by hour_index, model, tier, region
),

rated as (
    select
        hours.*,
        -- Arrivals per second and GPU; an hour with few of them proves nothing.
        case when hours.judged_count >= {{ var('slo_minimum_count') }} then
            cast(hours.request_count as double) * 1000000e0 / nullif(gpus.assigned_us, 0)
        end as rate_per_gpu,
        hours.attained_count >= cast('{{ var("slo_target_ratio") }}' as double) * hours.judged_count as is_held
    from hours
    left join gpus
        on
            hours.hour_index = gpus.hour_index and hours.model = gpus.model
            and hours.tier = gpus.tier and hours.region = gpus.region
),

days as (
    select
        {{ keys | join(', ') }},
        sum(judged_count) as judged_count,
        sum(attained_count) as attained_count,
        sum(good_output_tokens) as good_output_tokens,
        max(slo_ttft_seconds) as slo_ttft_seconds,
        max(slo_tpot_seconds) as slo_tpot_seconds,
        max(slo_e2e_seconds) as slo_e2e_seconds,
        max(case when is_held then rate_per_gpu end) as held_rate,
        min(case when not is_held then rate_per_gpu end) as missed_rate
    from rated
    where judged_count > 0
    group by {{ keys | join(', ') }}
)

select
    days.event_date,
    days.model,
    days.tier,
    days.region,
    days.slo_ttft_seconds,
    days.slo_tpot_seconds,
    days.slo_e2e_seconds,
    {{ ratio('days.attained_count', 'days.judged_count') }} as attainment_ratio,
    cast(days.judged_count as bigint) as attainment_den,
    cast(days.attained_count as bigint) as good_request_count,
    days.attained_count / 86400e0 as goodput_requests_per_second,
    cast(days.good_output_tokens as bigint) as good_output_tokens,
    days.good_output_tokens / 86400e0 as goodput_output_tokens_per_second,
    {{ per_million('costs.cost_active_usd', 'days.good_output_tokens') }} as usd_per_m_good_output_active,
    {{ per_million('costs.cost_fully_loaded_usd', 'days.good_output_tokens') }}
        as usd_per_m_good_output_fully_loaded,
    days.held_rate as held_requests_per_gpu_second,
    days.missed_rate as missed_requests_per_gpu_second
from days
left join {{ ref('rpt_unit_cost') }} as costs
    on
        days.event_date = costs.event_date and days.model = costs.model
        and days.tier = costs.tier and days.region = costs.region
