"""What arrives next: requests with a time of their own, and turns that wait for an answer.

Compiled callers keep their own copy of this code in their cache: after a change here, delete the
`__pycache__` folders.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.engine_state import Engine, Records, layout
from tokenworks.replay.serving.heap import pop_least, push_least
from tokenworks_sources.jit import bare_kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Position(Protocol):
    """How far the arrivals are.

    `opening` of the roots come at their own time, the next of which is `following`; the others,
    from `issued` on, wait for a client. `thinking` turns stand in the heap.
    """

    following: int
    opening: int
    issued: int
    thinking: int


POSITION = layout(Position, narrow=False)


class Coming(NamedTuple):
    """Roots, which wait for no other request, in order; and a heap of turns by time."""

    roots: Ints
    times: Floats
    rows: Ints
    position: Records[Position]


@bare_kernel
def next_arrival(engine: Engine, coming: Coming) -> tuple[float, int]:
    """Time and request of the next arrival; infinite where none is known yet."""
    at = coming.position[0]
    moment = np.inf
    row = -1
    if at.following < at.opening:
        row = coming.roots[at.following]
        moment = engine.requests[row].arrived
    if at.thinking > 0:
        other, turn = coming.times[0], coming.rows[0]
        if other < moment or (other == moment and turn < row):
            return other, turn
    return moment, row


@bare_kernel
def take_arrival(coming: Coming, row: int) -> None:
    """Cross the next arrival off."""
    at = coming.position[0]
    if at.thinking > 0 and coming.rows[0] == row:
        pop_least(coming.times, coming.rows, at.thinking)
        at.thinking -= 1
    else:
        at.following += 1


@bare_kernel
def release(engine: Engine, coming: Coming, row: int, now: float) -> None:
    """Let the turns that wait for a request's end think, or its client turn to the next root."""
    at = coming.position[0]
    child = engine.requests[row].child
    if child < 0 and at.issued < coming.roots.size:
        child = coming.roots[at.issued]
        at.issued += 1
    while child >= 0:
        turn = engine.requests[child]
        push_least(coming.times, coming.rows, at.thinking, now + turn.think, child)
        at.thinking += 1
        child = turn.sibling
