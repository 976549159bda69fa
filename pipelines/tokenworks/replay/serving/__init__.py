"""Serving: queue, first token, tokens and end on a fleet with a known law."""
