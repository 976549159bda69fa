"""Checks of the lake and of what is published: contract -> Great Expectations -> Dagster.

Import concrete submodules: this package wires nothing at import.
"""
