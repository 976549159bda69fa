"""What comes in: contracts, connectors and the lake.

Knows polars, pyarrow, pydantic and duckdb; never Dagster, dbt or Great Expectations.
Import concrete submodules: this package wires nothing at import.
"""
