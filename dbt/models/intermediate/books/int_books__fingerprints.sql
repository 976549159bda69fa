-- What each date's marts follow from beside its own requests, as one number per date and part.
{{ fingerprints_of({
    'int_deployments__hours': hour_date('source.hour_index'),
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
}) }}
