{{ tenant_latency('started_date') }}
