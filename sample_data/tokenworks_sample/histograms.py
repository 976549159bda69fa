"""Prometheus histograms of the engine, with bounds that vLLM itself uses.

Belongs here: bounds and counting. The bounds are a selection of vLLM's own, so that a scrape stays
small; the product stores bounds per row because real fleets override them too.
"""

from __future__ import annotations

from bisect import bisect_left

BOUNDS: dict[str, tuple[float, ...]] = {
    "time_to_first_token_seconds": (0.06, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0),
    "inter_token_latency_seconds": (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0),
    "e2e_request_latency_seconds": (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0),
    "request_queue_time_seconds": (0.3, 1.0, 2.5, 10.0),
    "request_prefill_time_seconds": (0.3, 0.5, 1.0, 2.5),
    "request_decode_time_seconds": (0.5, 2.5, 10.0, 30.0, 60.0, 120.0),
    "iteration_tokens_total": (1.0, 8.0, 32.0, 128.0, 512.0, 2048.0, 8192.0),
}
NAMES = tuple(BOUNDS)


class Histogram:
    """Counts per bucket (not cumulative), the last one unbounded, and the sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, name: str) -> None:
        self.bounds = BOUNDS[name]
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value; a bucket holds what is at most its bound, as in Prometheus."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def frozen(self) -> tuple[tuple[int, ...], float]:
        """A copy for a scrape."""
        return tuple(self.counts), self.total
