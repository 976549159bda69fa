"""Connectors whose files land under `landing/requests/`: one module per log format."""
