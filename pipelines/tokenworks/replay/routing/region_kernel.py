"""The loop over requests that choose their region in order of arrival."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Value of a deployment of which nothing is known, for requests that must leave where they are.
LAST = 1e300
#: What becomes of a request, and why.
MOVED, BEST, UNNAMED, ALONE, UNKNOWN, GAIN, RESIDENCY, ADDED, FULL = range(9)


@kernel
def place(
    moves: Mask,
    home: Ints,
    hour: Ints,
    client: Ints,
    rule: Ints,
    models: Ints,
    rtt: Floats,
    values: Floats,
    may: Mask,
    room: Ints,
    by_latency: bool,
    most_added: float,
    least_gain: float,
    placed: Ints,
    reasons: Ints,
    outlawed: Mask,
) -> None:
    """Fills the last three; `room` is used up in order of arrival."""
    for row in range(home.size):
        if not moves[row]:
            continue
        here, now = home[row], hour[row]
        trips, lawful = rtt[client[row]], may[rule[row]]
        by = trips if by_latency else values[now]
        found = _look(here, models, by, trips, lawful, room[now], most_added)
        stay = by[here]
        enough = stay - abs(stay) * least_gain
        reasons[row] = _verdict(lawful[here], stay, enough, *found)
        chosen = found[2]
        outlawed[row] = not lawful[here] and chosen < 0
        if reasons[row] == MOVED:
            placed[row] = chosen
            room[now, chosen] -= 1
            room[now, here] += 1


@kernel
def _look(
    here: int,
    models: Ints,
    by: Floats,
    trips: Floats,
    lawful: Mask,
    room: Ints,
    most_added: float,
) -> tuple[float, int, int, float, int, int]:
    """The best other deployment and why it is barred, the best that is not, and how many others.

    A request that residency bars from where it is must leave, however far and whatever is known.

    Returns:
        Value and bar of the wish (infinite if there is none), position and value of the best
        that is not barred (-1 if there is none), other deployments, and those of which too little
        is known.
    """
    wished, why, chosen, best, others, unknown = np.inf, MOVED, -1, np.inf, 0, 0
    for there in range(models.size):
        if there == here or models[there] != models[here]:
            continue
        others += 1
        value, added = by[there], trips[there] - trips[here]
        if np.isnan(value) or (most_added < np.inf and np.isnan(added)):
            unknown += 1
            if lawful[here]:
                continue
            value = LAST
        bar = _bar(lawful[there], lawful[here] and added > most_added, room[there] <= 0)
        if value < wished:
            wished, why = value, bar
        if bar == MOVED and value < best:
            chosen, best = there, value
    return wished, why, chosen, best, others, unknown


@kernel
def _bar(lawful: bool, is_far: bool, is_full: bool) -> int:
    """Why a deployment may not take a request; `MOVED` if it may."""
    if not lawful:
        return RESIDENCY
    if is_far:
        return ADDED
    return FULL if is_full else MOVED


@kernel
def _verdict(
    lawful: bool,
    stay: float,
    enough: float,
    wished: float,
    why: int,
    chosen: int,
    best: float,
    others: int,
    unknown: int,
) -> int:
    """What becomes of a request."""
    if not lawful:
        return MOVED if chosen >= 0 else RESIDENCY
    if others == 0:
        return ALONE
    if np.isnan(stay) or unknown == others:
        return UNKNOWN
    if chosen >= 0 and best < enough:
        return MOVED
    if wished >= stay:
        return BEST
    return GAIN if wished >= enough else why
