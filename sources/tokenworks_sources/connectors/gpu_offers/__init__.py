"""Connectors whose files land under `landing/gpu_offers/`: one module per list of offers."""
