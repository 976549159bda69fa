"""Plays attempts whose start depends on the play itself: a second answer follows a first.

The second attempts load the deployments that serve first ones, so their starts are found by
playing again until they no longer move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.routing.cascade import Attempts
from tokenworks.replay.spool import kept

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

T = TypeVar("T")

ROUNDS = 4
#: Seconds by which starts may still move.
SETTLED = 1e-6


@dataclass(frozen=True)
class Settled(Generic[T]):
    """The last play of all attempts.

    Attributes:
        played: what the play gave, in order of start.
        place: position of each attempt (in the order of `Attempts`) in that play.
        starts: when each attempt starts.
        unsettled_seconds: by how much the last round still moved a first answer's end.
    """

    played: T
    place: Ints
    starts: Floats
    unsettled_seconds: float


def settle(
    attempts: Attempts,
    arrivals: Floats,
    first_seconds: Floats,
    verify_seconds: float,
    play: Callable[[Ints, Floats], T],
    e2e_of: Callable[[T], Floats],
) -> Settled[T]:
    """Play attempts until second ones start where first ones end.

    Args:
        attempts: the attempts.
        arrivals: arrival of each request.
        first_seconds: a guess of how long each first attempt takes, such as history's.
        verify_seconds: how long a verification takes.
        play: plays attempts, given by position in `attempts` and by their starts, both in order
            of start.
        e2e_of: duration of each attempt that such a play gave, in its order.

    Returns:
        The last play and where each attempt stands in it.
    """
    seconds, moved = np.nan_to_num(first_seconds), np.inf
    for _ in range(ROUNDS):
        starts = kept(attempts.arrivals(arrivals, seconds, verify_seconds))
        order = kept(np.argsort(starts, kind="stable").astype(np.int64, copy=False))
        played = play(order, kept(starts[order]))
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        place = kept(place)
        needed = np.unique(attempts.request[~attempts.is_first])
        found = e2e_of(played)[place[np.flatnonzero(attempts.is_first)]] if needed.size else seconds
        moved = float(np.abs(found - seconds)[needed].max(initial=0.0))
        if moved <= SETTLED:
            break
        seconds = found
    return Settled(played, place, starts, moved)
