"""Whether history kept a session on its replica, and the same for requests that move elsewhere.

A router that keeps sessions together keeps their prefixes warm. Where history shows it, moved
requests of a session stay together too; where it does not, each goes to the least loaded replica.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Share of follow-up requests on the replica of the one before, from which sessions are sticky.
STICKY_RATIO = 0.9
#: Fewest follow-ups that tell.
LEAST_FOLLOW_UPS = 30


def kept_together(session: Ints, deployment: Ints, replica: Ints, replicas: Ints) -> float | None:
    """Share of follow-ups that ran on the replica of their session's request before.

    Args:
        session: session of each request in order of arrival, -1 where unknown.
        deployment: where it ran.
        replica: on which replica, -1 where unknown.
        replicas: replicas of each deployment; with one there is nothing to choose.

    Returns:
        The share; null where fewer than `LEAST_FOLLOW_UPS` tell.
    """
    telling = (session >= 0) & (replica >= 0) & (replicas[deployment] > 1)
    key, place = _pairs(session[telling], deployment[telling]), replica[telling]
    order = np.argsort(key, kind="stable")
    follows = key[order][1:] == key[order][:-1]
    if int(follows.sum()) < LEAST_FOLLOW_UPS:
        return None
    return float((place[order][1:] == place[order][:-1])[follows].mean())


def together(session: Ints, deployment: Ints, replica: Ints, free: Mask) -> Ints:
    """Put each session's free requests of a deployment where its first request there ran.

    Args:
        session: session of each request in order of arrival, -1 where unknown.
        deployment: where it runs.
        replica: replica that it got when it was served by load alone.
        free: requests whose replica may be chosen.

    Returns:
        Replicas; those that are not free, or of no session, keep theirs.
    """
    known = session >= 0
    if not (known & free).any():
        return replica
    _, first, inverse = np.unique(
        _pairs(session[known], deployment[known]), return_index=True, return_inverse=True
    )
    chosen = replica.copy()
    chosen[known] = replica[known][first][inverse]
    return np.where(free & known, chosen, replica)


def firsts(session: Ints, deployment: Ints) -> Mask:
    """Requests that are the first of their session at a deployment, and those of no session."""
    _, first = np.unique(_pairs(session, deployment), return_index=True)
    found = session < 0
    found[first] = True
    return found


def _pairs(session: Ints, deployment: Ints) -> Ints:
    """One number per session and deployment."""
    most = int(deployment.max()) + 1 if len(deployment) else 1
    pairs: Ints = session * most + deployment
    return pairs
