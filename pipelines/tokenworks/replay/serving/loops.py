"""Open and closed loops: whether a log's clients waited for answers, and who waited for whom."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Fewest requests, and least number in flight, from which a loop can be told.
LEAST_REQUESTS = 30
LEAST_IN_FLIGHT = 2
#: A closed loop holds its number in flight within this share of the median for this long.
TOLERANCE = 0.1
#: And within half of what as many would vary by if they came by chance.
OF_CHANCE = 0.64
STEADY_SHARE = 0.8
#: Start of the span looked at, as share of the arrivals: a burst of first requests is no sign.
AFTER_SHARE = 0.05
MOMENTS = 2000


def is_closed_loop(arrivals: Floats, ends: Floats) -> bool | None:
    """Whether the number in flight is held constant between the first burst and the tail.

    Replayed in an open loop such a log explodes: its arrivals already carry the speed of the
    engine that answered.

    Args:
        arrivals: seconds.
        ends: seconds; requests without either are left out.

    Returns:
        Null under 30 requests, or where the median in flight is below 2: one client that thinks
        cannot be told from rare arrivals.
    """
    known = np.isfinite(arrivals) & np.isfinite(ends)
    if known.sum() < LEAST_REQUESTS:
        return None
    starts, stops = np.sort(arrivals[known]), np.sort(ends[known])
    moments = np.linspace(np.quantile(starts, AFTER_SHARE), starts[-1], MOMENTS)
    in_flight = np.searchsorted(starts, moments, "right") - np.searchsorted(stops, moments, "right")
    middle = float(np.median(in_flight))
    if middle < LEAST_IN_FLIGHT:
        return None
    apart = min(TOLERANCE * middle, OF_CHANCE * float(np.sqrt(middle)))
    return bool((np.abs(in_flight - middle) <= apart).mean() >= STEADY_SHARE)


def clients_of(arrivals: Floats, ends: Floats) -> Ints:
    """Clients that a log in which nobody is named must have had: each sends one after another.

    A request is sent by the client whose answer ended last, of those that wait for none, so that
    it follows the answer that made room for it; where all wait, by a new one. Equal arrivals keep
    their order.

    Args:
        arrivals: seconds.
        ends: seconds; an unknown end holds its client for good.

    Returns:
        Number of the client of each request, from 0 on.
    """
    client = np.empty(len(arrivals), dtype=np.int64)
    waiting: list[tuple[float, int]] = []
    free: list[int] = []
    count = 0
    for row in np.argsort(arrivals, kind="stable").tolist():
        while waiting and waiting[0][0] <= arrivals[row]:
            free.append(heappop(waiting)[1])
        if not free:
            free.append(count)
            count += 1
        client[row] = free.pop()
        if np.isfinite(ends[row]):
            heappush(waiting, (float(ends[row]), int(client[row])))
    return client


def turns_of(sessions: Ints, arrivals: Floats, ends: Floats) -> tuple[Ints, Floats]:
    """Who waited for whom, and how long they thought.

    Args:
        sessions: what makes turns follow each other: a session, a conversation, a client; -1
            for a request of its own.
        arrivals: seconds.
        ends: seconds.

    Returns:
        For each request the position of the one before it in its session, -1 for a first one,
        and the seconds between that one's end and its arrival. A request that arrived before the
        one before it had ended (or whose end is unknown) waited for nobody: it is a first one.
    """
    order = np.lexsort((np.arange(len(arrivals)), arrivals, sessions))
    same = (sessions[order][1:] == sessions[order][:-1]) & (sessions[order][1:] >= 0)
    think = arrivals[order][1:] - ends[order][:-1]
    waits = same & (think >= 0)
    previous = np.full(len(arrivals), -1, dtype=np.int64)
    seconds = np.zeros(len(arrivals))
    previous[order[1:][waits]] = order[:-1][waits]
    seconds[order[1:][waits]] = think[waits]
    return previous, seconds
