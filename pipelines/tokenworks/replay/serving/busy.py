"""When replicas were busy, by deployment and stretch of time, from when their requests ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.concurrency import Occupancy
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: What a replica with so many requests counts for, in each second.
Measure = Callable[[Ints], Floats]


def busy(running: Ints) -> Floats:
    """1 while at least one request runs."""
    return (running > 0).astype(np.float64)


def requests(running: Ints) -> Floats:
    """The requests that run."""
    return running.astype(np.float64)


def doublings(running: Ints) -> Floats:
    """Logarithm to base 2 of one more than the requests that run."""
    doubled: Floats = np.log2(1.0 + running)
    return doubled


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


def busy_tables(
    fleet: Fleet, runs: Runs, edges: Floats, measures: Sequence[Measure] = (busy, requests)
) -> list[Floats]:
    """Replica-seconds by how many requests ran, tables (deployment, stretch).

    Args:
        fleet: the deployments.
        runs: the requests.
        edges: bounds of the stretches; what ends after the last is not counted.
        measures: what is counted; by default busy replica-seconds, and request-seconds.

    Returns:
        A table for each; NaN for a deployment of several replicas whose log does not tell which.
    """
    tables = [np.zeros((fleet.count, len(edges) - 1)) for _ in measures]
    for position in map(int, np.unique(runs.deployment)):
        rows = np.flatnonzero(runs.deployment == position)
        replica = runs.replica[rows]
        if (replica < 0).any() and fleet.replicas[position] > 1:
            for table in tables:
                table[position] = np.nan
            continue
        for one in np.unique(replica):
            mine = rows[replica == one]
            occupancy = Occupancy.of(runs.starts[mine], runs.ends[mine])
            for table, measure in zip(tables, measures, strict=True):
                table[position] += _within(occupancy, measure, edges)
    return tables


def _within(occupancy: Occupancy, measure: Measure, edges: Floats) -> Floats:
    """Integral of a measure over each stretch."""
    passing = measure(occupancy.running[:-1]) * np.diff(occupancy.moments)
    spent = np.concatenate([[0.0], np.cumsum(passing)])
    within: Floats = np.diff(np.interp(edges, occupancy.moments, spent))
    return within


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
