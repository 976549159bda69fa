"""Connectors of `gpu_samples`: telemetry of GPUs and MIG instances."""
