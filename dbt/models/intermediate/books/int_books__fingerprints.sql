-- What each date's marts follow from beside its own requests, as one number per date and part.
with
-- How much of what engines count is a deployment's, by the GPUs of each replica.
engines as (
    select
        counters.*,
        replicas.gpu_count
    from {{ ref('int_engine__counter_hours') }} as counters
    inner join {{ ref('int_replicas__state_hours') }} as replicas
        on counters.replica_id = replicas.replica_id and counters.hour_index = replicas.hour_index
)

{{ fingerprints_of({
    'engines': hour_date('source.hour_index'),
    'int_deployments__gpu_hours': hour_date('source.hour_index'),
    'int_deployments__engine_hours': hour_date('source.hour_index'),
    'int_deployments__request_hours': hour_date('source.hour_index'),
    'int_deployments__cost_hours': hour_date('source.hour_index'),
    'int_energy__deployment_hours': hour_date('source.hour_index'),
    'int_energy__site_hours': hour_date('source.hour_index'),
    'int_energy__grid_hours': hour_date('source.hour_index'),
    'int_gpu__state_hours': hour_date('source.hour_index'),
    'int_gpu__replica_hours': hour_date('source.hour_index'),
    'int_latency__histogram_hours': hour_date('source.hour_index'),
    'int_requests__hour_groups': hour_date('source.hour_index'),
    'int_allocation__methods': hour_date('source.hour_index'),
    'int_costs__entries': 'source.event_date',
    'int_costs__deployment_days': 'source.event_date',
    'int_prices__days': 'source.started_date',
    'int_prices__contracts': 'source.started_date',
    'int_fx__usd_rates': 'source.rate_date',
}, kept={
    'int_deployments__gpu_hours': 'int_gpu__restated_dates',
    'int_gpu__state_hours': 'int_gpu__restated_dates',
    'int_gpu__replica_hours': 'int_gpu__restated_dates',
    'int_deployments__cost_hours': 'int_costs__restated_dates',
    'int_energy__deployment_hours': 'int_costs__restated_dates',
    'int_costs__entries': 'int_costs__restated_dates',
}) }}
