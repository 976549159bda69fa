-- rpt_unit_cost of leased servers in one statement, straight from the lake's Parquet: what an analyst would
-- write for this one report. Doubles, no ledger, no request costs, no restatement, no contract.
with
requests as (
    select *
    from read_parquet('{lake}/requests/*/*.parquet')
    qualify row_number() over (
        partition by emitter, request_id
        order by
            ended_at desc nulls last, output_total_tokens desc nulls last, source_file, source_line
    ) = 1
),

replicas as (
    select
        replicas.endpoint, replicas.replica_id, replicas.deployment_id, replicas.gpu_uuid,
        gpus.server_id, servers.site_id, deployments.model, deployments.tier, sites.region,
        deployments.prefill_weight, deployments.decode_weight, deployments.cache_read_weight
    from read_parquet('{lake}/fleet_replicas/*/*.parquet') as replicas
    inner join read_parquet('{lake}/fleet_gpus/*/*.parquet') as gpus using (gpu_uuid)
    inner join read_parquet('{lake}/fleet_servers/*/*.parquet') as servers using (server_id)
    inner join read_parquet('{lake}/fleet_deployments/*/*.parquet') as deployments
        using (deployment_id)
    inner join read_parquet('{lake}/fleet_sites/*/*.parquet') as sites
        on servers.site_id = sites.site_id
),

endpoints as (
    select distinct
        endpoint, replica_id, deployment_id, model, tier, region,
        prefill_weight, decode_weight, cache_read_weight
    from replicas
),

attempts as (
    select
        replica_id, deployment_id, model, tier, endpoints.region, started_at,
        started_at::date as event_date,
        status not in ('failure', 'cancelled', 'rejected') as is_served,
        input_total_tokens, input_cache_read_tokens, output_total_tokens,
        input_total_tokens - input_cache_read_tokens as input_uncached_tokens,
        epoch_us(started_at) as service_us,
        epoch_us(first_token_at) as first_us,
        epoch_us(ended_at) as last_us,
        coalesce(input_total_tokens - input_cache_read_tokens, input_total_tokens) * prefill_weight
            as prefill,
        coalesce(input_cache_read_tokens, 0) * cache_read_weight as cache_read,
        output_total_tokens * decode_weight as decode
    from requests
    inner join endpoints using (endpoint)
),

hours as (
    select
        *,
        unnest(range(service_us // 3600000000, last_us // 3600000000 + 1)) as hour_index
    from attempts
),

parts as (
    select
        replica_id, deployment_id, event_date, model, tier, region, is_served, hour_index,
        input_uncached_tokens,
        case when first_us // 3600000000 = hour_index then prefill else 0 end as prefill,
        case when first_us // 3600000000 = hour_index then cache_read else 0 end as cache_read,
        decode * case
            when service_us // 3600000000 = last_us // 3600000000 then 1
            else greatest(0, least(last_us, (hour_index + 1) * 3600000000)
                - greatest(first_us, hour_index * 3600000000)) / greatest(1, last_us - first_us)
        end as decode,
        greatest(service_us, hour_index * 3600000000) as from_us,
        least(last_us, (hour_index + 1) * 3600000000) as to_us
    from hours
),

busy as (
    select
        replica_id,
        hour_index,
        sum(greatest(0, to_us - greatest(from_us, coalesce(reached_us, from_us)))) as busy_us
    from (
        select
            replica_id, hour_index, from_us, to_us,
            max(to_us) over (
                partition by replica_id, hour_index order by from_us, to_us
                rows between unbounded preceding and 1 preceding
            ) as reached_us
        from parts
    ) as reached
    group by all
),

weights as (
    select deployment_id, hour_index, sum(prefill + cache_read + decode) as weight
    from parts
    group by all
),

charges as (
    select
        resource_id, charge_period_start::date as day,
        effective_cost::double * coalesce(rate::double, 1) as usd
    from read_parquet('{lake}/charges/*/*.parquet') as charges
    left join read_parquet('{lake}/fx_rates/*/*.parquet') as rates
        on billing_currency = base_currency and charge_period_start::date = rate_date
),

-- Each server's hour over its eight GPUs: what a replica's GPU costs an hour.
replica_hours as (
    select
        replicas.deployment_id,
        replicas.replica_id,
        charges.day,
        spans.hour_index,
        sum(charges.usd) / 24 / 8 as usd
    from charges
    inner join replicas on charges.resource_id = replicas.server_id
    cross join lateral (
        select unnest(range(0, 24)) + epoch_us(charges.day) // 3600000000 as hour_index
    ) as spans
    group by all
),

deployment_hours as (
    select
        deployment_id,
        day,
        hour_index,
        sum(usd * coalesce(busy_us, 0) / 3600000000) as active,
        sum(usd * (1 - coalesce(busy_us, 0) / 3600000000)) as idle
    from replica_hours
    left join busy using (replica_id, hour_index)
    group by all
),

days as (
    select deployment_id, day as event_date, sum(active) as active, sum(idle) as idle
    from deployment_hours
    group by all
),

totals as (
    select day as event_date, coalesce(servers.site_id, resource_id) as site_id, sum(usd) as usd
    from charges
    left join (select distinct server_id, site_id from replicas) as servers
        on resource_id = servers.server_id
    group by all
),

-- What no deployment holds, and the network, by direct cost over the site's deployments.
loaded as (
    select
        event_date, model, tier, region,
        days.active,
        days.idle,
        (totals.usd - sum(days.active + days.idle) over site)
            * (days.active + days.idle) / sum(days.active + days.idle) over site as overhead
    from days
    inner join (
        select distinct deployment_id, site_id, model, tier, region from replicas
    ) using (deployment_id)
    inner join totals using (event_date, site_id)
    window site as (partition by event_date, site_id)
),

classes as (
    select
        event_date, model, tier, region,
        sum(active / weight * prefill) as input_usd,
        sum(active / weight * cache_read) as cache_read_usd,
        sum(active / weight * decode) as output_usd
    from parts
    inner join weights using (deployment_id, hour_index)
    inner join deployment_hours using (deployment_id, hour_index)
    where input_uncached_tokens is not null
    group by all
),

prices as (
    pivot read_parquet('{lake}/prices/*/*.parquet')
    on token_class in ('input_uncached', 'input_cache_read', 'output')
    using any_value(price_per_million_tokens::double)
    group by model
),

tokens as (
    select
        event_date, model, tier, region,
        count(*) as request_count,
        count(*) filter (is_served) as served_count,
        sum(input_total_tokens) filter (is_served) as input_total_tokens,
        sum(input_uncached_tokens) filter (is_served) as input_uncached_tokens,
        sum(input_cache_read_tokens) filter (is_served) as input_cache_read_tokens,
        sum(output_total_tokens) filter (is_served) as output_total_tokens,
        -- Served and with all classes known: the denominators of $ per million by class.
        count(*) filter (is_served and input_uncached_tokens is not null) as classed_count,
        sum(output_total_tokens) filter (is_served and input_uncached_tokens is not null)
            as classed_output
    from attempts
    group by all
)

select
    event_date, model, tier, region, request_count,
    input_uncached_tokens, input_cache_read_tokens, output_total_tokens, input_total_tokens,
    active as cost_active_usd,
    idle as cost_idle_usd,
    overhead as cost_overhead_usd,
    active + idle + overhead as cost_fully_loaded_usd,
    (
        input_uncached_tokens * prices.input_uncached
        + input_cache_read_tokens * prices.input_cache_read + classed_output * prices.output
    ) / 1e6 as cost_list_usd,
    input_usd / input_uncached_tokens * 1e6 as usd_per_m_input_uncached_active,
    cache_read_usd / input_cache_read_tokens * 1e6 as usd_per_m_input_cache_read_active,
    output_usd / classed_output * 1e6 as usd_per_m_output_active,
    output_usd / classed_output * 1e6 * (active + idle + overhead) / active
        as usd_per_m_output_fully_loaded,
    (active + idle + overhead) / input_total_tokens * 1e6 as usd_per_m_input_total_fully_loaded,
    (active + idle + overhead) / (input_total_tokens + output_total_tokens) * 1e6
        as usd_per_m_total_fully_loaded,
    idle / (active + idle) as idle_share_ratio,
    classed_count / served_count as token_coverage_ratio
from tokens
inner join classes using (event_date, model, tier, region)
inner join loaded using (event_date, model, tier, region)
inner join prices using (model)
order by all
