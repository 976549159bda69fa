"""The event loop of the step engine: ends of stretches, arrivals and starts, in order of time.

At one moment ends come first, then arrivals, then starts: a step that begins at the moment of an
arrival sees it, and the balancer sees slots that just became free.
"""

from __future__ import annotations

from tokenworks.replay.jit import kernel
from tokenworks.replay.serving.arrivals_kernel import Coming, next_arrival, release, take_arrival
from tokenworks.replay.serving.batch_kernel import begin, enqueue, finish
from tokenworks.replay.serving.engine_state import ENDS, Engine
from tokenworks.replay.serving.routing_kernel import Router, choose


@kernel
def run(engine: Engine, router: Router, coming: Coming) -> None:
    """Serve every request."""
    left = engine.requests.size
    arrival, row = next_arrival(engine, coming)
    while left > 0:
        replica = _soonest_replica(engine)
        one = engine.replicas[replica]
        if arrival < one.moment or (arrival == one.moment and one.phase != ENDS):
            take_arrival(coming, row)
            _arrive(engine, router, row, arrival)
            arrival, row = next_arrival(engine, coming)
        elif one.phase != ENDS:
            begin(engine, replica, one.moment)
        elif finish(engine, replica):
            left -= one.ended
            for slot in range(one.size, one.size + one.ended):
                release(engine, coming, engine.slots[replica, slot].row, one.moment)
            arrival, row = next_arrival(engine, coming)


@kernel
def _soonest_replica(engine: Engine) -> int:
    """Replica whose next event comes first; at one moment an end comes before a start."""
    found = 0
    best = engine.replicas[0]
    for replica in range(1, engine.replicas.size):
        one = engine.replicas[replica]
        if one.moment < best.moment or (one.moment == best.moment and one.phase < best.phase):
            found = replica
            best = one
    return found


@kernel
def _arrive(engine: Engine, router: Router, row: int, now: float) -> None:
    request = engine.requests[row]
    request.arrived = now
    request.replica = choose(engine, router, request.replica)
    enqueue(engine, request.replica, row, now)
