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


class _Replicas(NamedTuple):
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
    state = _Replicas(
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
        queue_next=np.full(count, -1, dtype=np.int64),
        law=np.array([token_base, token_per_running]),
    )
    served = Served(
        np.empty(count), np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
    )
    _run(work, state, served, slots)
    return served


@kernel
def _run(work: Work, state: _Replicas, served: Served, slots: int) -> None:
    count = work.arrivals.size
    replicas = state.running.size
    arrived = 0
    ended = 0
    start = 0
    while ended < count:
        soonest = 0
        for replica in range(1, replicas):
            if state.upcoming[replica] < state.upcoming[soonest]:
                soonest = replica
        if arrived < count and work.arrivals[arrived] < state.upcoming[soonest]:
            replica = work.replica[arrived]
            if replica < 0:
                replica = _least_loaded(state, start)
            start = replica + 1 if replica + 1 < replicas else 0
            _arrive(work, state, served, arrived, replica, slots)
            arrived += 1
        else:
            ended += _step(work, state, served, soonest)


@kernel
def _least_loaded(state: _Replicas, start: int) -> int:
    """Replica with the fewest requests; ties go round from `start`."""
    replicas = state.running.size
    best = start
    for offset in range(replicas):
        replica = (start + offset) % replicas
        load = state.running[replica] + state.waiting[replica]
        if load < state.running[best] + state.waiting[best]:
            best = replica
    return best


@kernel
def _arrive(
    work: Work, state: _Replicas, served: Served, row: int, replica: int, slots: int
) -> None:
    served.replica[row] = replica
    if state.running[replica] < slots:
        _admit(work, state, served, row, replica, work.arrivals[row])
        return
    if state.waiting[replica] == 0:
        state.queue_head[replica] = row
    else:
        state.queue_next[state.queue_tail[replica]] = row
    state.queue_tail[replica] = row
    state.waiting[replica] += 1


@kernel
def _admit(
    work: Work, state: _Replicas, served: Served, row: int, replica: int, now: float
) -> None:
    _advance(state, replica, now)
    state.running[replica] += 1
    served.admitted[row] = now
    seconds = work.prefill[row] + work.prefill_per_running[row] * state.running[replica]
    size = state.prefilling[replica]
    _push(state.prefill_keys[replica], state.prefill_rows[replica], size, now + seconds, row)
    state.prefilling[replica] = size + 1
    _plan(state, replica)


@kernel
def _advance(state: _Replicas, replica: int, now: float) -> None:
    """Bring the replica's clock of finished work to `now`."""
    if state.decoding[replica] > 0:
        state.progress[replica] += (now - state.clock[replica]) / _unit_seconds(state, replica)
    state.clock[replica] = now


@kernel
def _unit_seconds(state: _Replicas, replica: int) -> float:
    return state.law[0] + state.law[1] * state.running[replica]


@kernel
def _plan(state: _Replicas, replica: int) -> None:
    """Work out the replica's next event."""
    upcoming = np.inf
    if state.prefilling[replica] > 0:
        upcoming = state.prefill_keys[replica, 0]
    if state.decoding[replica] > 0:
        left = max(0.0, state.decode_keys[replica, 0] - state.progress[replica])
        upcoming = min(upcoming, state.clock[replica] + left * _unit_seconds(state, replica))
    state.upcoming[replica] = upcoming


@kernel
def _step(work: Work, state: _Replicas, served: Served, replica: int) -> int:
    """Handle the replica's next event; returns how many requests ended."""
    now = state.upcoming[replica]
    finished = -1
    if state.prefilling[replica] > 0 and state.prefill_keys[replica, 0] <= now:
        row = state.prefill_rows[replica, 0]
        _advance(state, replica, now)
        _pop(state.prefill_keys[replica], state.prefill_rows[replica], state.prefilling[replica])
        state.prefilling[replica] -= 1
        served.first_token[row] = now
        if work.decode[row] > 0:
            size = state.decoding[replica]
            key = state.progress[replica] + work.decode[row]
            _push(state.decode_keys[replica], state.decode_rows[replica], size, key, row)
            state.decoding[replica] = size + 1
        else:
            finished = row
    else:
        finished = state.decode_rows[replica, 0]
        exact = state.decode_keys[replica, 0]
        _advance(state, replica, now)
        state.progress[replica] = exact
        _pop(state.decode_keys[replica], state.decode_rows[replica], state.decoding[replica])
        state.decoding[replica] -= 1
    if finished >= 0:
        _finish(work, state, served, finished, replica, now)
    _plan(state, replica)
    return 1 if finished >= 0 else 0


@kernel
def _finish(
    work: Work, state: _Replicas, served: Served, row: int, replica: int, now: float
) -> None:
    served.ended[row] = now
    state.running[replica] -= 1
    if state.waiting[replica] > 0:
        waiting = state.queue_head[replica]
        state.queue_head[replica] = state.queue_next[waiting]
        state.waiting[replica] -= 1
        _admit(work, state, served, waiting, replica, now)


@kernel
def _push(keys: Floats, rows: Ints, size: int, key: float, row: int) -> None:
    """Add to a min-heap of `size` entries."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] <= key:
            break
        keys[child] = keys[parent]
        rows[child] = rows[parent]
        child = parent
    keys[child] = key
    rows[child] = row


@kernel
def _pop(keys: Floats, rows: Ints, size: int) -> None:
    """Remove the smallest of `size` entries."""
    last = size - 1
    key = keys[last]
    row = rows[last]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= last:
            break
        if child + 1 < last and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[parent] = keys[child]
        rows[parent] = rows[child]
        parent = child
    keys[parent] = key
    rows[parent] = row
