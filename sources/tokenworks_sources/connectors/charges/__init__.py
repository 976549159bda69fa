"""Connectors whose files land under `landing/charges/`: one module per billing format."""
