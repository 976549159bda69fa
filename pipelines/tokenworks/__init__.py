"""What happens to an inference fleet's records: checks, warehouse, replay, reports.

Import concrete submodules: this package wires nothing at import.
"""
