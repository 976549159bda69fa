"""Connectors of `engine_samples` and `engine_histograms`: scrapes of inference engines."""
