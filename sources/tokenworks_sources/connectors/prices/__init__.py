"""Connectors whose files land under `landing/prices/`: one module per price list."""
