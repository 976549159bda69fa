"""Which replica a request goes to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.jit import kernel
from tokenworks.replay.serving.engine_state import Engine

Ints = NDArray[np.int64]

LEAST_LOADED, ROUND_ROBIN = 0, 1


class Router(NamedTuple):
    """The policy, and in `turn` the replica from which the next round begins."""

    policy: int
    turn: Ints


@kernel
def choose(engine: Engine, router: Router, named: int) -> int:
    """Replica of an arriving request: the one it names, else (-1) the policy's."""
    replicas = engine.replicas.size
    if named >= 0:
        found = named
    elif router.policy == ROUND_ROBIN:
        found = router.turn[0]
    else:
        found = _least_loaded(engine, router.turn[0])
    router.turn[0] = (found + 1) % replicas
    return found


@kernel
def load_of(engine: Engine, replica: int) -> int:
    """Requests that run or wait on a replica."""
    one = engine.replicas[replica]
    return one.size + one.waiting


@kernel
def _least_loaded(engine: Engine, start: int) -> int:
    """Replica with the fewest requests; ties go round from `start`."""
    replicas = engine.replicas.size
    best = start
    for offset in range(1, replicas):
        replica = (start + offset) % replicas
        if load_of(engine, replica) < load_of(engine, best):
            best = replica
    return best
