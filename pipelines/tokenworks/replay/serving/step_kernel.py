"""The event loop of the step engine: ends of stretches, arrivals and starts, in order of time.

At one moment the scaler comes first, then ends, then arrivals, then starts: a step that begins at
the moment of an arrival sees it, and the balancer sees slots that just became free.
"""

from __future__ import annotations

from tokenworks.replay.serving.arrivals_kernel import Coming, next_arrival, release, take_arrival
from tokenworks.replay.serving.batch_kernel import begin, enqueue, finish
from tokenworks.replay.serving.engine_state import ENDS, Engine
from tokenworks.replay.serving.routing_kernel import Router, choose, load_of
from tokenworks.replay.serving.scaling_kernel import (
    Scaler,
    open_more,
    open_replicas,
    scale,
    switch_off,
)
from tokenworks.replay.serving.worker_cache_kernel import Caches, use
from tokenworks_sources.jit import bare_kernel


@bare_kernel
def run(
    engine: Engine,
    router: Router,
    caches: Caches,
    scaler: Scaler,
    coming: Coming,
    until: float,
) -> None:
    """Serve every request, or all that happens before `until`."""
    left = engine.requests.size
    arrival, row = next_arrival(engine, coming)
    clock = scaler.clock[0]
    while left > 0:
        replica = _soonest_replica(engine)
        one = engine.replicas[replica]
        if min(arrival, one.moment, clock.tick) >= until:
            break
        if clock.tick <= min(arrival, one.moment):
            scale(engine, scaler, clock.tick)
        elif arrival < one.moment or (arrival == one.moment and one.phase != ENDS):
            take_arrival(coming, row)
            if scaler.lowest == 0 and open_replicas(engine) == 0:
                open_more(engine, scaler, 1, arrival)
            if not _arrive(engine, router, caches, row, arrival):
                left -= 1
                release(engine, coming, row, arrival)
            arrival, row = next_arrival(engine, coming)
        elif one.phase != ENDS:
            begin(engine, replica, one.moment)
        elif finish(engine, replica):
            left -= one.ended
            _let_go(engine, coming, replica)
            arrival, row = next_arrival(engine, coming)


@bare_kernel
def _let_go(engine: Engine, coming: Coming, replica: int) -> None:
    """Let come what waited for those that just ended, and the replica go if it is closed."""
    one = engine.replicas[replica]
    for slot in range(one.size, one.size + one.ended):
        release(engine, coming, engine.slots[replica, slot].row, one.moment)
    if one.open == 0 and load_of(engine, replica) == 0:
        switch_off(one, one.moment)


@bare_kernel
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


@bare_kernel
def _arrive(engine: Engine, router: Router, caches: Caches, row: int, now: float) -> bool:
    """Send a request to its replica; whether it may stay."""
    request = engine.requests[row]
    request.arrived = now
    replica = choose(engine, router, caches, row, now)
    if load_of(engine, replica) >= engine.bounds.in_flight:
        request.replica = -1
        return False
    request.replica = replica
    if caches.capacity > 0 and caches.offsets[row] < caches.offsets[row + 1]:
        use(caches, replica, row)
        request.cached = min(caches.runs[row] * caches.block_tokens, request.prompt - 1)
        request.left = request.prompt - request.cached
    enqueue(engine, replica, row, now)
    return True
