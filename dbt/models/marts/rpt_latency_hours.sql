{{ tenant_latency('hour_index') }}
