-- Tokens found in the cache per date, deployment, tenant and the tenant who had filled them; `filled_by` is
-- null where nobody in the log had computed the block before.
select
    started_date,
    deployment_id,
    tenant_id,
    filled_by,
    cast(sum(prefix_block_tokens) as bigint) as hit_tokens
from {{ ref('int_cache__blocks') }}
where is_hit
group by started_date, deployment_id, tenant_id, filled_by
