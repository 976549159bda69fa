"""Event simulation of the replicas of one deployment: slots, queues and shared speed.

A replica holds at most `slots` requests; the others wait in order of arrival. An admitted
request prefills for a time fixed at admission and then decodes. Between two events the batch is
constant, so every decoding request of a replica advances at the same rate, one unit of work per
`token_base + token_per_running * running` seconds. A per-replica clock of finished work
therefore orders completions, and a stretch of steps costs one event instead of one step per
token. Not here: where the coefficients come from (`calibration.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.jit import kernel
from tokenworks.replay.serving.heap import pop_least, push_least

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Work(NamedTuple):
    """What each request asks, in order of arrival.

    Attributes:
        arrivals: seconds.
        prefill: seconds of prefill in an otherwise empty batch.
        prefill_per_running: seconds more for each running request, itself included.
        decode: units of decode work, about the output tokens after the first.
        replica: replica that must serve it, or -1 for the least loaded one.
    """

    arrivals: Floats
    prefill: Floats
    prefill_per_running: Floats
    decode: Floats
    replica: Ints


class Served(NamedTuple):
    """When each request was admitted, gave its first token and ended, and where."""

    admitted: Floats
    first_token: Floats
    ended: Floats
    replica: Ints


class _Engine(NamedTuple):
    """Requests, what becomes of them, and where each replica stands."""

    work: Work
    served: Served
    slots: int
    running: Ints
    waiting: Ints
    progress: Floats
    clock: Floats
    upcoming: Floats
    prefilling: Ints
    prefill_keys: Floats
    prefill_rows: Ints
    decoding: Ints
    decode_keys: Floats
    decode_rows: Ints
    queue_head: Ints
    queue_tail: Ints
    queue_next: Ints
    law: Floats


def simulate(
    work: Work, replicas: int, slots: int, token_base: float, token_per_running: float
) -> Served:
    """Serve requests on identical replicas.

    Args:
        work: the requests, sorted by arrival.
        replicas: number of replicas.
        slots: requests that one replica runs at once.
        token_base: seconds per unit of decode work in an empty batch.
        token_per_running: seconds per unit of decode work for each running request.

    Returns:
        The times of each request.
    """
    count = len(work.arrivals)
    served = Served(
        np.empty(count), np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
    )
    _run(_empty(work, served, replicas, slots, np.array([token_base, token_per_running])))
    return served


def _empty(work: Work, served: Served, replicas: int, slots: int, law: Floats) -> _Engine:
    return _Engine(
        work=work,
        served=served,
        slots=slots,
        running=np.zeros(replicas, dtype=np.int64),
        waiting=np.zeros(replicas, dtype=np.int64),
        progress=np.zeros(replicas),
        clock=np.zeros(replicas),
        upcoming=np.full(replicas, np.inf),
        prefilling=np.zeros(replicas, dtype=np.int64),
        prefill_keys=np.empty((replicas, slots)),
        prefill_rows=np.empty((replicas, slots), dtype=np.int64),
        decoding=np.zeros(replicas, dtype=np.int64),
        decode_keys=np.empty((replicas, slots)),
        decode_rows=np.empty((replicas, slots), dtype=np.int64),
        queue_head=np.full(replicas, -1, dtype=np.int64),
        queue_tail=np.full(replicas, -1, dtype=np.int64),
        queue_next=np.full(len(work.arrivals), -1, dtype=np.int64),
        law=law,
    )


@kernel
def _run(engine: _Engine) -> None:
    count = engine.work.arrivals.size
    replicas = engine.running.size
    arrived = 0
    ended = 0
    start = 0
    while ended < count:
        soonest = 0
        for replica in range(1, replicas):
            if engine.upcoming[replica] < engine.upcoming[soonest]:
                soonest = replica
        if arrived < count and engine.work.arrivals[arrived] < engine.upcoming[soonest]:
            replica = engine.work.replica[arrived]
            if replica < 0:
                replica = _least_loaded(engine, start)
            start = replica + 1 if replica + 1 < replicas else 0
            _arrive(engine, arrived, replica)
            arrived += 1
        else:
            ended += _step(engine, soonest)


@kernel
def _least_loaded(engine: _Engine, start: int) -> int:
    """Replica with the fewest requests; ties go round from `start`."""
    replicas = engine.running.size
    best = start
    for offset in range(replicas):
        replica = (start + offset) % replicas
        load = engine.running[replica] + engine.waiting[replica]
        if load < engine.running[best] + engine.waiting[best]:
            best = replica
    return best


@kernel
def _arrive(engine: _Engine, row: int, replica: int) -> None:
    engine.served.replica[row] = replica
    if engine.running[replica] < engine.slots:
        _admit(engine, row, replica, engine.work.arrivals[row])
        return
    if engine.waiting[replica] == 0:
        engine.queue_head[replica] = row
    else:
        engine.queue_next[engine.queue_tail[replica]] = row
    engine.queue_tail[replica] = row
    engine.waiting[replica] += 1


@kernel
def _admit(engine: _Engine, row: int, replica: int, now: float) -> None:
    _advance(engine, replica, now)
    engine.running[replica] += 1
    engine.served.admitted[row] = now
    seconds = (
        engine.work.prefill[row] + engine.work.prefill_per_running[row] * engine.running[replica]
    )
    size = engine.prefilling[replica]
    push_least(engine.prefill_keys[replica], engine.prefill_rows[replica], size, now + seconds, row)
    engine.prefilling[replica] = size + 1
    _plan(engine, replica)


@kernel
def _advance(engine: _Engine, replica: int, now: float) -> None:
    """Bring the replica's clock of finished work to `now`."""
    if engine.decoding[replica] > 0:
        engine.progress[replica] += (now - engine.clock[replica]) / _unit_seconds(engine, replica)
    engine.clock[replica] = now


@kernel
def _unit_seconds(engine: _Engine, replica: int) -> float:
    seconds: float = engine.law[0] + engine.law[1] * engine.running[replica]
    return seconds


@kernel
def _plan(engine: _Engine, replica: int) -> None:
    """Work out the replica's next event."""
    upcoming = np.inf
    if engine.prefilling[replica] > 0:
        upcoming = engine.prefill_keys[replica, 0]
    if engine.decoding[replica] > 0:
        left = max(0.0, engine.decode_keys[replica, 0] - engine.progress[replica])
        upcoming = min(upcoming, engine.clock[replica] + left * _unit_seconds(engine, replica))
    engine.upcoming[replica] = upcoming


@kernel
def _step(engine: _Engine, replica: int) -> int:
    """Handle the replica's next event; returns how many requests ended."""
    now = engine.upcoming[replica]
    finished = -1
    if engine.prefilling[replica] > 0 and engine.prefill_keys[replica, 0] <= now:
        row = engine.prefill_rows[replica, 0]
        _advance(engine, replica, now)
        pop_least(
            engine.prefill_keys[replica], engine.prefill_rows[replica], engine.prefilling[replica]
        )
        engine.prefilling[replica] -= 1
        engine.served.first_token[row] = now
        if engine.work.decode[row] > 0:
            size = engine.decoding[replica]
            key = engine.progress[replica] + engine.work.decode[row]
            push_least(engine.decode_keys[replica], engine.decode_rows[replica], size, key, row)
            engine.decoding[replica] = size + 1
        else:
            finished = row
    else:
        finished = engine.decode_rows[replica, 0]
        exact = engine.decode_keys[replica, 0]
        _advance(engine, replica, now)
        engine.progress[replica] = exact
        pop_least(
            engine.decode_keys[replica], engine.decode_rows[replica], engine.decoding[replica]
        )
        engine.decoding[replica] -= 1
    if finished >= 0:
        _finish(engine, finished, replica, now)
    _plan(engine, replica)
    return 1 if finished >= 0 else 0


@kernel
def _finish(engine: _Engine, row: int, replica: int, now: float) -> None:
    engine.served.ended[row] = now
    engine.running[replica] -= 1
    if engine.waiting[replica] > 0:
        waiting = engine.queue_head[replica]
        engine.queue_head[replica] = engine.queue_next[waiting]
        engine.waiting[replica] -= 1
        _admit(engine, waiting, replica, now)
