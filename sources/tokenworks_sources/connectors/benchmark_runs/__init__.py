"""Connectors of `benchmark_runs`: one run as its tool summed it up."""
