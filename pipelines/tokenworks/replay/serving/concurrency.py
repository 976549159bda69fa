"""How many requests ran at once, from the intervals in which they ran."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.heap import pop_least, push_least
from tokenworks_sources.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def inferred_admissions(arrivals: Floats, ends: Floats, slots: int) -> Floats:
    """When requests that wait in order of arrival must have got one of `slots` slots.

    For logs that do not record queueing: with every slot taken, the next request starts when the
    earliest of the running ones ends.

    Args:
        arrivals: seconds, sorted.
        ends: when each request ended, as recorded.
        slots: requests that run at once.

    Returns:
        Seconds, at the arrival or after it.
    """
    admitted = np.empty(arrivals.size)
    keys = np.empty(min(slots, arrivals.size) + 1)
    rows = np.empty(keys.size, dtype=np.int64)
    size = 0
    for row in range(arrivals.size):
        now = arrivals[row]
        while size > 0 and keys[0] <= now:
            pop_least(keys, rows, size)
            size -= 1
        if size == slots:
            now = keys[0]
            pop_least(keys, rows, size)
            size -= 1
        admitted[row] = now
        push_least(keys, rows, size, max(ends[row], now), row)
        size += 1
    return admitted


@dataclass(frozen=True)
class Occupancy:
    """Number running, or the sum of their weights, as a step function of time.

    Attributes:
        moments: times at which the number changes, sorted.
        running: number running from each moment on.
        areas: integral of the number up to each moment, in request-seconds.
    """

    moments: Floats
    running: Ints
    areas: Floats

    @classmethod
    def of(cls, starts: Floats, ends: Floats, weights: Ints | None = None) -> Occupancy:
        """Occupancy of half-open intervals [start, end), each of weight 1 where none is given."""
        moments = np.concatenate([starts, ends])
        each = np.ones(len(starts), dtype=np.int64) if weights is None else weights
        changes = np.concatenate([each, -each])
        order = np.argsort(moments, kind="stable")
        moments, running = moments[order], np.cumsum(changes[order])
        areas = np.concatenate([[0.0], np.cumsum(running[:-1] * np.diff(moments))])
        return cls(moments, running, areas)

    def mean(self, starts: Floats, ends: Floats) -> Floats:
        """Mean number running over each interval; the number at its start where it is empty."""
        area = np.interp(ends, self.moments, self.areas) - np.interp(
            starts, self.moments, self.areas
        )
        length = ends - starts
        at_start = self.at(starts).astype(np.float64)
        return np.where(length > 0, area / np.where(length > 0, length, 1.0), at_start)

    def at(self, moments: Floats) -> Ints:
        """Number running just after each moment."""
        position = np.searchsorted(self.moments, moments, side="right") - 1
        return np.where(position >= 0, self.running[np.maximum(position, 0)], 0)

    def busy_seconds(self) -> float:
        """Seconds in which at least one request ran."""
        return float(np.diff(self.moments)[self.running[:-1] > 0].sum())

    def time_weighted_quantile(self, share: float) -> float:
        """Number running that is not exceeded during `share` of the busy time."""
        seconds = np.diff(self.moments)
        busy = (self.running[:-1] > 0) & (seconds > 0)
        if not busy.any():
            return 0.0
        numbers, seconds = self.running[:-1][busy], seconds[busy]
        order = np.argsort(numbers, kind="stable")
        passed = np.cumsum(seconds[order]) / seconds.sum()
        position = min(int(np.searchsorted(passed, share)), len(order) - 1)
        return float(numbers[order][position])
