"""When replicas were busy, by deployment and stretch of time, from when their requests ran."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.concurrency import Occupancy
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Runs:
    """Where and when each request ran.

    Attributes:
        deployment, replica: positions; replica -1 where unknown.
        starts, ends: seconds, on one clock.
    """

    deployment: Ints
    replica: Ints
    starts: Floats
    ends: Floats


def busy_tables(fleet: Fleet, runs: Runs, edges: Floats) -> tuple[Floats, Floats]:
    """Busy replica-seconds and request-seconds, tables (deployment, stretch).

    Args:
        fleet: the deployments.
        runs: the requests.
        edges: bounds of the stretches; what ends after the last is not counted.

    Returns:
        Both tables; NaN for a deployment of several replicas whose log does not tell which.
    """
    shape = (fleet.count, len(edges) - 1)
    busy, running = np.zeros(shape), np.zeros(shape)
    for position in map(int, np.unique(runs.deployment)):
        rows = np.flatnonzero(runs.deployment == position)
        replica = runs.replica[rows]
        if (replica < 0).any() and fleet.replicas[position] > 1:
            busy[position], running[position] = np.nan, np.nan
            continue
        for one in np.unique(replica):
            mine = rows[replica == one]
            occupancy = Occupancy.of(runs.starts[mine], runs.ends[mine])
            spent = np.concatenate([[0.0], np.cumsum(_lengths(occupancy))])
            busy[position] += np.diff(np.interp(edges, occupancy.moments, spent))
            running[position] += np.diff(np.interp(edges, occupancy.moments, occupancy.areas))
    return busy, running


def peaks(fleet: Fleet, runs: Runs, weights: Ints | None = None) -> dict[int, float]:
    """Most requests (or most weight) that ran at once on one replica, by deployment.

    Where the log does not tell the replicas of a deployment, they are taken to share alike.
    """
    found: dict[int, float] = {}
    for position in map(int, np.unique(runs.deployment)):
        rows = np.flatnonzero(runs.deployment == position)
        for one in np.unique(runs.replica[rows]):
            mine = rows[runs.replica[rows] == one]
            shared = int(fleet.replicas[position]) if one < 0 else 1
            weight = None if weights is None else weights[mine]
            occupancy = Occupancy.of(runs.starts[mine], runs.ends[mine], weight)
            most = float(occupancy.running.max(initial=0)) / shared
            found[position] = max(found.get(position, 0.0), most)
    return found


def _lengths(occupancy: Occupancy) -> Floats:
    """Seconds between changes in which something ran."""
    seconds: Floats = np.where(occupancy.running[:-1] > 0, np.diff(occupancy.moments), 0.0)
    return seconds
