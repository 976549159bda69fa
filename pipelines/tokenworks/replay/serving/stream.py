"""The step engine over work that comes in batches: as exact, in the memory of a batch.

A batch is served until the next one begins; requests that have not ended then are carried on.
Open loop, without prefix caches: what a later batch needs of an earlier one must be bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.engine_input import (
    bounds_of,
    check,
    coefficients_of,
    coming_of,
    requests_of,
    router_of,
    scaler_of,
)
from tokenworks.replay.serving.engine_state import (
    Bounds,
    Coefficients,
    Engine,
    new_replicas,
    new_requests,
    new_slots,
    referenced,
)
from tokenworks.replay.serving.scaling_kernel import Scaler
from tokenworks.replay.serving.step_kernel import run
from tokenworks.replay.serving.steps import Served, served_of
from tokenworks.replay.serving.work import Autoscale, Limits, Routing, StepLaw, Work
from tokenworks.replay.serving.worker_cache_kernel import no_caches

Ints = NDArray[np.int64]
Records = NDArray[np.void]


@dataclass(frozen=True)
class Ended:
    """Requests that ended (or were turned away), and the replicas' sums so far.

    Attributes:
        rows: position of each request in all the work.
        served: what became of them, in the same order.
    """

    rows: Ints
    served: Served


@dataclass
class _Fleet:
    """What is carried from batch to batch."""

    states: Records
    slots: Records
    scaler: Scaler
    open_requests: Records
    open_rows: Ints
    turn: Ints
    served: int = 0

    @classmethod
    def begin(cls, limits: Limits, replicas: int | Autoscale, start: float) -> _Fleet:
        """At rest."""
        most = replicas if isinstance(replicas, int) else replicas.highest
        first = most if isinstance(replicas, int) else replicas.lowest
        nobody = np.zeros(0, dtype=np.int64)
        return cls(
            new_replicas(most, first, start),
            new_slots(most, limits.max_num_seqs),
            scaler_of(replicas, start),
            new_requests(0),
            nobody,
            np.zeros(1, dtype=np.int64),
        )

    def serve(
        self, work: Work, rules: tuple[Coefficients, Bounds], routing: Routing, until: float
    ) -> Ended:
        """Serve a batch, and what is left of those before, up to a moment."""
        carried = len(self.open_rows)
        requests = np.concatenate([self.open_requests, requests_of(work)])
        rows = np.concatenate([self.open_rows, self.served + np.arange(work.count)])
        coming = coming_of(work, None)
        coming.roots[:] += carried
        router = router_of(routing, work)
        # What is carried on has its replica and needs no draws.
        draws = np.concatenate([np.zeros((carried, 2), dtype=np.int64), router.draws])
        run(
            Engine(*rules, referenced(requests), referenced(self.states), referenced(self.slots)),
            router._replace(draws=draws, turn=self.turn),
            no_caches(),
            self.scaler,
            coming,
            until,
        )
        over = ~np.isnan(requests["ended"]) | (requests["replica"] < 0)
        self.served += work.count
        self._carry(requests, rows, ~over)
        sums = served_of(requests[over], self.states.copy(), np.zeros(0, dtype=np.int64))
        return Ended(rows[over], sums)

    def _carry(self, requests: Records, rows: Ints, kept: NDArray[np.bool_]) -> None:
        """Renumber what has not ended, in queues and slots."""
        renumbered = np.cumsum(kept) - 1
        self.open_requests, self.open_rows = requests[kept], rows[kept]
        following = self.open_requests["following"]
        self.open_requests["following"] = np.where(following >= 0, renumbered[following], -1)
        for name in ("head", "tail"):
            self.states[name] = renumbered[np.maximum(self.states[name], 0)]
        for replica, size in enumerate(self.states["size"]):
            self.slots["row"][replica, :size] = renumbered[self.slots["row"][replica, :size]]


def simulate_batches(
    batches: Iterable[Work],
    law: StepLaw,
    limits: Limits,
    replicas: int | Autoscale = 1,
    *,
    routing: Routing | None = None,
) -> Iterator[Ended]:
    """Serve batches of requests that follow each other in time.

    Args:
        batches: each begins after the last arrival of the one before it.
        law: seconds of a step.
        limits: what one replica can hold.
        replicas: number of replicas, or how it follows the load.
        routing: by load, in turns, or of two; sessions and prefixes need the whole work.

    Yields:
        What ended before the next batch began; the last of them ends it all. Together they are
        what `simulate` gives for the whole work, power of two apart, which draws per batch.

    Raises:
        ValueError: a closed loop, a batch that begins too early, or what `simulate` refuses.
    """
    routing = routing or Routing()
    if routing.policy in ("session", "prefix"):
        raise ValueError(f"routing by {routing.policy} needs the whole work: use simulate")
    fleet: _Fleet | None = None
    coming = iter(batches)
    work = next(coming, None)
    while work is not None:
        following = next(coming, None)
        until = _check(work, following, limits, replicas)
        if fleet is None:
            fleet = _Fleet.begin(limits, replicas, float(work.arrivals.min()))
        yield fleet.serve(work, (coefficients_of(law), bounds_of(limits)), routing, until)
        work = following


def _check(work: Work, following: Work | None, limits: Limits, replicas: int | Autoscale) -> float:
    """When to stop: where the next batch begins."""
    check(work, limits, replicas, None)
    if work.previous is not None or not work.count:
        raise ValueError("batches: each holds requests of an open loop")
    if following is None or not following.count:
        return float(np.inf)
    until = float(following.arrivals.min())
    if until <= work.arrivals.max():
        raise ValueError("batches: each begins after the last arrival of the one before it")
    return until
