"""Load spill: requests that find their deployment busy go elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.heap import pop_least, push_least
from tokenworks_sources.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: No limit to how many requests a deployment runs at once.
UNLIMITED = 0


def spilled(
    arrivals: Floats, seconds: Floats, may_spill: Mask, slots: int, in_flight_limit: int
) -> Mask:
    """Requests that find too many others in flight at one deployment.

    Args:
        arrivals: seconds, ascending.
        seconds: how long each request would run once it has a slot.
        may_spill: requests that may go elsewhere; the others are taken whatever the load.
        slots: how many run at once over all replicas; `UNLIMITED` where unknown.
        in_flight_limit: a request spills where so many run or wait when it arrives.

    Returns:
        The requests that go elsewhere. Those that do leave no load behind, so later ones find
        the deployment as it then is: the queue is played, not taken from history.
    """
    result = np.zeros(arrivals.size, dtype=np.bool_)
    _spill(arrivals, seconds, may_spill, slots, in_flight_limit, result)
    return result


@kernel
def _spill(
    arrivals: Floats, seconds: Floats, may_spill: Mask, slots: int, limit: int, result: Mask
) -> None:
    ends, rows = np.empty(arrivals.size), np.empty(arrivals.size, dtype=np.int64)
    free, places = np.zeros(max(slots, 1)), np.arange(max(slots, 1))
    size = 0
    for row in range(arrivals.size):
        now = arrivals[row]
        while size > 0 and ends[0] <= now:
            pop_least(ends, rows, size)
            size -= 1
        if may_spill[row] and size >= limit:
            result[row] = True
            continue
        start = now
        if slots > 0:
            start = max(now, free[0])
            pop_least(free, places, slots)
            push_least(free, places, slots - 1, start + seconds[row], row)
        push_least(ends, rows, size, start + seconds[row], row)
        size += 1
