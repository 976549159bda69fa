"""Connectors whose files land under `landing/energy_readings/`: one module per meter format."""
