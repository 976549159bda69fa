"""Connectors of `usage_buckets`: what providers and gateways counted themselves."""
