"""Connectors whose files land under `landing/grid_intensity/`: one module per publisher."""
