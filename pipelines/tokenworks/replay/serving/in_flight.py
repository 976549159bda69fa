"""Replicas of requests whose log does not tell them: each went to the one that served the fewest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.heap import pop_least, push_least
from tokenworks_sources.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def least_in_flight(arrivals: Floats, ends: Floats, replicas: int) -> Ints:
    """Send each request to the replica that serves the fewest, the one before it last among equals.

    Args:
        arrivals: seconds, sorted.
        ends: when each request ended.
        replicas: number of replicas.

    Returns:
        Replica of each request.
    """
    chosen = np.empty(arrivals.size, dtype=np.int64)
    running = np.zeros(replicas, dtype=np.int64)
    keys = np.empty(arrivals.size)
    rows = np.empty(arrivals.size, dtype=np.int64)
    size, last = 0, replicas - 1
    for row in range(arrivals.size):
        while size > 0 and keys[0] <= arrivals[row]:
            running[chosen[rows[0]]] -= 1
            pop_least(keys, rows, size)
            size -= 1
        best = (last + 1) % replicas
        for offset in range(replicas):
            one = (last + 1 + offset) % replicas
            if running[one] < running[best]:
                best = one
        chosen[row] = best
        last = best
        running[best] += 1
        push_least(keys, rows, size, max(ends[row], arrivals[row]), row)
        size += 1
    return chosen
