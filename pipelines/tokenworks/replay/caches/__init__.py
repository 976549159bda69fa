"""Caches: which tokens or answers need not be computed again."""
