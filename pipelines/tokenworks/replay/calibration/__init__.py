"""Calibration: how fast each deployment serves, learnt from its own telemetry."""
