-- What did prefix caching bring: the cached share of input by model, and what a cached token cost of one
-- that was computed?
select
    model,
    region,
    sum(input_cache_read_tokens) as cached_tokens,
    cast(sum(input_cache_read_tokens) as double) / nullif(sum(input_total_tokens), 0) as cached_share,
    sum(usd_per_m_input_cache_read_active * input_cache_read_tokens)
    / nullif(sum(case when usd_per_m_input_cache_read_active is not null then input_cache_read_tokens end), 0)
        as cached_usd_per_m,
    sum(usd_per_m_input_uncached_active * input_uncached_tokens)
    / nullif(sum(case when usd_per_m_input_uncached_active is not null then input_uncached_tokens end), 0)
        as uncached_usd_per_m
from {{ ref('rpt_unit_cost') }}
group by model, region
order by cached_tokens desc nulls last, model asc, region asc
