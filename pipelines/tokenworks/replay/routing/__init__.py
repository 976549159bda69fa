"""Routing: where each request goes instead, and what that does to quality."""
