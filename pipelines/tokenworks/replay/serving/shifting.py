"""Deferrable work moved to better hours: cheaper, or cleaner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

HOUR = 3600.0


def shifted_arrivals(
    arrivals: Floats,
    deferrable: Mask,
    hourly: Floats,
    most_delay_seconds: float,
    per_hour: int | None = None,
) -> Floats:
    """When requests arrive if those that may wait wait for the best hour within reach.

    A request that waits keeps its place within the hour, so that a shifted hour is as even as
    it was. It moves only to an hour that is strictly better than its own; of equal ones to the
    earliest. Hours fill in order of arrival.

    Args:
        arrivals: seconds from the start of the first hour.
        deferrable: requests that may wait.
        hourly: what is to be low, for each hour from the first on; NaN (unknown) is never
            chosen, nor left. Hours after the last are out of reach.
        most_delay_seconds: longest wait.
        per_hour: most deferrable requests that are moved into one hour; null for no limit.

    Returns:
        Seconds, at the arrival or after it.
    """
    moved = arrivals.copy()
    taken = np.zeros(len(hourly), dtype=np.int64)
    for row in np.flatnonzero(deferrable)[np.argsort(arrivals[deferrable], kind="stable")]:
        own = int(arrivals[row] // HOUR)
        if not 0 <= own < len(hourly) or np.isnan(hourly[own]):
            continue
        last = min(own + int(most_delay_seconds // HOUR), len(hourly) - 1)
        free = np.ones(last - own + 1, dtype=np.bool_)
        if per_hour is not None:
            free = taken[own : last + 1] < per_hour
        better = free & (hourly[own : last + 1] < hourly[own])
        if better.any():
            wait = int(np.argmin(np.where(better, hourly[own : last + 1], np.inf)))
            moved[row] = arrivals[row] + wait * HOUR
            taken[own + wait] += 1
    return moved
