"""History as calibration reads it, and how busy each replica was beside each request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.concurrency import Occupancy, inferred_admissions
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class History:
    """What calibration reads, one entry per replayed request.

    Attributes:
        arrivals, queue, ttft, e2e: seconds; NaN where unknown.
        uncached, output: tokens.
        deployment, replica: positions; replica -1 where unknown.
    """

    arrivals: Floats
    queue: Floats
    ttft: Floats
    e2e: Floats
    uncached: Ints
    output: Ints
    deployment: Ints
    replica: Ints


@dataclass(frozen=True)
class Busy:
    """How many requests ran beside each request of one deployment, per replica.

    Attributes:
        starts: when each request got a slot: inferred where the slots are known, since what an
            engine calls queueing also holds waits for the prefill of others; else as recorded.
        at_start: running just after each start, itself included.
        pools: rows of each replica, its occupancy, and how many replicas it stands for.
    """

    starts: Floats
    at_start: Floats
    pools: list[tuple[Ints, Occupancy, int]]

    @classmethod
    def of(cls, history: History, rows: Ints, fleet: Fleet, position: int) -> Busy:
        """Occupancy of the replicas of the deployment that served `rows`."""
        arrivals, queue = history.arrivals[rows], history.queue[rows]
        ends = arrivals + history.e2e[rows]
        starts = np.where(np.isnan(queue), arrivals, arrivals + queue)
        at_start = np.empty(len(rows))
        pools = []
        for one in np.unique(history.replica[rows]):
            mine = np.flatnonzero(history.replica[rows] == one)
            shared = int(fleet.replicas[position]) if one < 0 else 1
            slots = int(fleet.slots[position]) * shared
            if slots:
                starts[mine] = inferred_admissions(arrivals[mine], ends[mine], slots)
            occupancy = Occupancy.of(starts[mine], np.maximum(ends[mine], starts[mine]))
            at_start[mine] = np.maximum(occupancy.at(starts[mine]) / shared, 1.0)
            pools.append((mine, occupancy, shared))
        return cls(starts, at_start, pools)

    def during(self, starts: Floats, ends: Floats) -> Floats:
        """Mean running over an interval of each request, itself included."""
        mean = np.empty(len(starts))
        for mine, occupancy, shared in self.pools:
            mean[mine] = np.maximum(occupancy.mean(starts[mine], ends[mine]) / shared, 1.0)
        return mean

    @property
    def peak(self) -> int:
        """Most requests that one replica ran at once."""
        return max(
            int(np.ceil(occupancy.running.max() / shared)) for _, occupancy, shared in self.pools
        )

    @property
    def p99(self) -> float:
        """Requests per replica that 99 % of the busy time does not exceed."""
        return max(
            occupancy.time_weighted_quantile(0.99) / shared for _, occupancy, shared in self.pools
        )
