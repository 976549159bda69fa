"""Serves the traffic on the calibrated fleet: queue, first token, tokens, end.

Open loop: arrivals stay where they were, whatever the answer takes. The same request draws the
same luck in every scenario, so that a difference between two scenarios is theirs alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.law import Law
from tokenworks.replay.serving.concurrency import Occupancy
from tokenworks.replay.serving.engine_kernel import Work, simulate
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Luck:
    """One draw per request for its first token and one for its tokens, uniform in [0, 1)."""

    first_token: Floats
    token: Floats

    @classmethod
    def draw(cls, count: int, seed: int) -> Luck:
        """The same draws for the same seed and number of requests."""
        generator = np.random.default_rng(seed)
        return cls(generator.random(count), generator.random(count))


@dataclass(frozen=True)
class Timings:
    """What each request experienced, and how busy each deployment was.

    Attributes:
        queue, ttft, e2e: seconds from arrival.
        tpot: seconds per token after the first; NaN under two tokens.
        replica: replica that served it.
        busy_gpu_seconds: GPU-seconds with at least one request, by deployment.
        running_p99: requests per replica that 99 % of the busy time does not exceed.
    """

    queue: Floats
    ttft: Floats
    tpot: Floats
    e2e: Floats
    replica: Ints
    busy_gpu_seconds: dict[int, float]
    running_p99: dict[int, float]


@dataclass(frozen=True)
class Load:
    """What is asked of the fleet, one entry per request, in order of arrival.

    Attributes:
        arrivals: seconds, sorted.
        uncached: input tokens to compute.
        output: output tokens.
        deployment: deployment of each request.
        replica: replica that must serve it, or -1 for the least loaded.
        luck: draws that place each request in the spread of its law.
    """

    arrivals: Floats
    uncached: Ints
    output: Ints
    deployment: Ints
    replica: Ints
    luck: Luck


def serve(load: Load, laws: dict[int, Law], fleet: Fleet) -> Timings:
    """Simulate every deployment on its own requests."""
    count = len(load.arrivals)
    queue, ttft, e2e = np.empty(count), np.empty(count), np.empty(count)
    served_by = np.empty(count, dtype=np.int64)
    busy: dict[int, float] = {}
    p99: dict[int, float] = {}
    for position in map(int, np.unique(load.deployment)):
        rows = np.flatnonzero(load.deployment == position)
        law, replicas = laws[position], int(fleet.replicas[position])
        work = _work(load, law, rows)
        served = simulate(work, replicas, law.slots, law.token_base, law.token_per_running)
        queue[rows] = served.admitted - work.arrivals
        ttft[rows] = served.first_token - work.arrivals
        e2e[rows] = served.ended - work.arrivals
        served_by[rows] = served.replica
        per_replica = [
            Occupancy.of(
                served.admitted[served.replica == one], served.ended[served.replica == one]
            )
            for one in np.unique(served.replica)
        ]
        gpus_each = float(fleet.gpus[position]) / replicas
        busy[position] = gpus_each * sum(one.busy_seconds() for one in per_replica)
        p99[position] = max(one.time_weighted_quantile(0.99) for one in per_replica)
    tokens = load.output - 1
    tpot = np.where(tokens > 0, (e2e - ttft) / np.maximum(tokens, 1), np.nan)
    return Timings(queue, ttft, tpot, e2e, served_by, busy, p99)


def _work(load: Load, law: Law, rows: Ints) -> Work:
    first = _spread_at(law.first_token_spread, load.luck.first_token[rows])
    token = _spread_at(law.token_spread, load.luck.token[rows])
    return Work(
        arrivals=load.arrivals[rows],
        prefill=(law.prefill_base + law.prefill_per_uncached * load.uncached[rows]) * first,
        prefill_per_running=law.prefill_per_running * first,
        decode=np.maximum(load.output[rows] - 1, 0) * token,
        replica=load.replica[rows],
    )


def _spread_at(points: Floats, shares: Floats) -> Floats:
    return np.interp(shares, np.linspace(0, 1, len(points)), points)
