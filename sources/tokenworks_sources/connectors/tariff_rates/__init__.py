"""Connectors whose files land under `landing/tariff_rates/`: one module per publisher."""
