"""Which replica an arriving request goes to.

Only open replicas take requests: those that are ready, or, while none is, those that start. Ties
go round from the replica after the one chosen last.

Compiled callers keep their own copy of this code in their cache: after a change here, delete the
`__pycache__` folders.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.engine_state import Engine
from tokenworks.replay.serving.worker_cache_kernel import Caches, leading_run
from tokenworks_sources.jit import bare_kernel

Ints = NDArray[np.int64]

LEAST_LOADED, ROUND_ROBIN, SESSION, PREFIX, POWER_OF_TWO = range(5)


class Router(NamedTuple):
    """The policy and what it remembers.

    Attributes:
        policy: one of the constants above.
        request_tokens: with PREFIX, prompt tokens that one request in flight weighs.
        sessions: with SESSION, number of each request's session, or -1.
        homes: replica of each session, -1 before its first request.
        draws: with POWER_OF_TWO, two random numbers per request.
        turn: the replica from which the next round begins, as one number.
    """

    policy: int
    request_tokens: float
    sessions: Ints
    homes: Ints
    draws: Ints
    turn: Ints


@bare_kernel
def choose(engine: Engine, router: Router, caches: Caches, row: int, now: float) -> int:
    """Replica of an arriving request: the one it names, else the policy's."""
    found = engine.requests[row].replica
    if found < 0:
        from_ready = _any_ready(engine, now)
        if router.policy == ROUND_ROBIN:
            found = _next_open(engine, router.turn[0], now, from_ready)
        elif router.policy == SESSION:
            found = _home(engine, router, row, now, from_ready)
        elif router.policy == PREFIX:
            found = _nearest_prefix(engine, router, caches, row, now)
        elif router.policy == POWER_OF_TWO:
            found = _better_of_two(engine, router, row, now)
        else:
            found = _least_loaded(engine, router.turn[0], now, from_ready)
    router.turn[0] = (found + 1) % engine.replicas.size
    return found


@bare_kernel
def load_of(engine: Engine, replica: int) -> int:
    """Requests that run or wait on a replica."""
    one = engine.replicas[replica]
    return one.size + one.waiting


@bare_kernel
def _any_ready(engine: Engine, now: float) -> bool:
    ready = 0
    for replica in range(engine.replicas.size):
        ready += _takes(engine, replica, now, True)
    return ready > 0


@bare_kernel
def _takes(engine: Engine, replica: int, now: float, from_ready: bool) -> bool:
    one = engine.replicas[replica]
    return one.open == 1 and (one.ready <= now or not from_ready)


@bare_kernel
def _next_open(engine: Engine, start: int, now: float, from_ready: bool) -> int:
    replica = start
    while not _takes(engine, replica, now, from_ready):
        replica = (replica + 1) % engine.replicas.size
    return replica


@bare_kernel
def _least_loaded(engine: Engine, start: int, now: float, from_ready: bool) -> int:
    """Replica with the fewest requests."""
    best = _next_open(engine, start, now, from_ready)
    for offset in range(1, engine.replicas.size):
        replica = (start + offset) % engine.replicas.size
        if _takes(engine, replica, now, from_ready) and load_of(engine, replica) < load_of(
            engine, best
        ):
            best = replica
    return best


@bare_kernel
def _home(engine: Engine, router: Router, row: int, now: float, from_ready: bool) -> int:
    """Where the session's last request went; the least loaded for a first or a lost one."""
    session = router.sessions[row]
    if session >= 0:
        home: int = router.homes[session]
        if home >= 0 and _takes(engine, home, now, from_ready):
            return home
    found = _least_loaded(engine, router.turn[0], now, from_ready)
    if session >= 0:
        router.homes[session] = found
    return found


@bare_kernel
def _nearest_prefix(engine: Engine, router: Router, caches: Caches, row: int, now: float) -> int:
    """Replica with the least tokens to compute, its load counted in tokens."""
    from_ready = _any_ready(engine, now)
    best = -1
    least = np.inf
    for offset in range(engine.replicas.size):
        replica = (router.turn[0] + offset) % engine.replicas.size
        if not _takes(engine, replica, now, from_ready):
            continue
        run = leading_run(caches, replica, row) * caches.block_tokens
        cost = router.request_tokens * load_of(engine, replica) - run
        if cost < least:
            best = replica
            least = cost
    return best


@bare_kernel
def _better_of_two(engine: Engine, router: Router, row: int, now: float) -> int:
    """The less loaded of two drawn replicas, the first drawn of two that are equal."""
    from_ready = _any_ready(engine, now)
    count = 0
    for replica in range(engine.replicas.size):
        if _takes(engine, replica, now, from_ready):
            count += 1
    first = _nth_open(engine, router.draws[row, 0] % count, now, from_ready)
    if count == 1:
        return first
    place = router.draws[row, 1] % (count - 1)
    if place >= router.draws[row, 0] % count:
        place += 1
    second = _nth_open(engine, place, now, from_ready)
    return second if load_of(engine, second) < load_of(engine, first) else first


@bare_kernel
def _nth_open(engine: Engine, place: int, now: float, from_ready: bool) -> int:
    passed = -1
    replica = -1
    while passed < place:
        replica += 1
        if _takes(engine, replica, now, from_ready):
            passed += 1
    return replica
