"""Replicas that come and go with the load, inside the event loop.

Every `interval` seconds the scaler compares the replicas that are open with those that the load
asks for. More are opened at once, and serve after their cold start; fewer only after the load has
asked for fewer for `delay` seconds on end, and then down to the most that it asked for meanwhile.
A closed replica serves what it holds and goes off; if it is asked for before, it opens again
without a cold start. While none is open, an arrival opens one at once.

Compiled callers keep their own copy of this code in their cache: after a change here, delete the
`__pycache__` folders.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from tokenworks.replay.serving.engine_state import Engine, Records, Replica, layout
from tokenworks.replay.serving.routing_kernel import load_of
from tokenworks_sources.jit import bare_kernel


class Clock(Protocol):
    """When the scaler looks next, since when fewer were asked for, and the most of them."""

    tick: float
    below_since: float
    most: int


CLOCK = layout(Clock, narrow=False)


class Scaler(NamedTuple):
    """How the number of open replicas follows the load.

    Attributes:
        lowest, highest: bounds of the number of open replicas; at `lowest` below 0 nothing scales.
        target: requests per replica that are aimed at.
        by_waiting: 0 to count requests in flight; 1 to keep those replicas that have any and add
            one per `target` waiting.
        interval, cold_start, delay: seconds.
        clock: see `Clock`.
    """

    lowest: int
    highest: int
    target: float
    by_waiting: int
    interval: float
    cold_start: float
    delay: float
    clock: Records[Clock]


@bare_kernel
def scale(engine: Engine, scaler: Scaler, now: float) -> None:
    """Look once."""
    clock = scaler.clock[0]
    clock.tick = now + scaler.interval
    want, have = _wanted(engine, scaler), open_replicas(engine)
    if want >= have:
        clock.below_since = np.inf
        open_more(engine, scaler, want - have, now)
        return
    if clock.below_since == np.inf:
        clock.below_since = now
        clock.most = want
    clock.most = max(clock.most, want)
    if now - clock.below_since >= scaler.delay:
        _close(engine, have - clock.most, now)
        clock.below_since = np.inf


@bare_kernel
def open_replicas(engine: Engine) -> int:
    """Replicas that take requests or are starting."""
    count = 0
    for replica in range(engine.replicas.size):
        count += engine.replicas[replica].open
    return count


@bare_kernel
def open_more(engine: Engine, scaler: Scaler, more: int, now: float) -> None:
    """Open replicas: first those that are closing, then those that are off."""
    for off in range(2):
        for replica in range(engine.replicas.size):
            one = engine.replicas[replica]
            if more > 0 and one.open == 0 and np.isnan(one.on_since) == (off == 1):
                one.open = 1
                more -= 1
                if off == 1:
                    one.on_since = now
                    one.ready = now + scaler.cold_start
                    one.cold_starts += 1


@bare_kernel
def switch_off(one: Replica, now: float) -> None:
    """Stop the clock of a replica that is closed and empty."""
    one.on_seconds += now - one.on_since
    one.on_since = np.nan


@bare_kernel
def _wanted(engine: Engine, scaler: Scaler) -> int:
    counted = 0
    busy = 0
    for replica in range(engine.replicas.size):
        one = engine.replicas[replica]
        if scaler.by_waiting == 0:
            counted += one.size + one.waiting
        else:
            counted += one.waiting
            busy += 1 if one.size + one.waiting > 0 else 0
    wanted = busy + math.ceil(counted / scaler.target)
    return max(scaler.lowest, min(scaler.highest, wanted))


@bare_kernel
def _close(engine: Engine, fewer: int, now: float) -> None:
    """Close the least loaded replicas, the last of those that are equal."""
    for _ in range(fewer):
        found = -1
        for replica in range(engine.replicas.size):
            if engine.replicas[replica].open == 1 and (
                found < 0 or load_of(engine, replica) <= load_of(engine, found)
            ):
                found = replica
        one = engine.replicas[found]
        one.open = 0
        if load_of(engine, found) == 0:
            switch_off(one, now)
