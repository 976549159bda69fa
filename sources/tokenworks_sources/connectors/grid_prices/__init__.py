"""Connectors whose files land under `landing/grid_prices/`: one module per market or publisher."""
