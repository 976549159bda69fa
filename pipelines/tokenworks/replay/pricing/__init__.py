"""Pricing: what replayed work costs, in money and energy."""
