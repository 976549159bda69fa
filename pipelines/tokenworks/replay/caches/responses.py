"""The gateway's exact response cache: a request whose key was answered before is not served.

Not the engine's prefix cache: a hit here avoids the whole attempt, with its output. Only what was
served can fill it, when its answer ends; two equal requests under way at once are both served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.caches.links import LOOSE, empty_lists, link_newest, unlink
from tokenworks.replay.serving.heap import pop_least, push_least
from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

ResponsePolicy = Literal["lru", "fifo"]

#: Key of a request that may not be answered from the cache.
NO_KEY = -1
#: Filler of a request that is served.
SERVED = -1


@dataclass(frozen=True)
class Asked:
    """Requests in order of arrival.

    Attributes:
        keys: dense key of each request; `NO_KEY` where it may not be cached.
        arrivals: seconds, never falling.
        ends: seconds at which the answer of a served request is whole.
        storable: answers that may be kept, such as those of requests that succeeded.
    """

    keys: Ints
    arrivals: Floats
    ends: Floats
    storable: Mask


def answered_by(asked: Asked, capacity: int, ttl_seconds: float, policy: ResponsePolicy) -> Ints:
    """The request whose answer each request gets, `SERVED` where it is served itself.

    Args:
        asked: the requests.
        capacity: answers that the cache holds.
        ttl_seconds: life of an answer from the end of the request that filled it; use does not
            prolong it. Infinity where it never expires.
        policy: whether a full cache drops the answer used longest ago (lru) or the oldest (fifo).
    """
    key_count = int(asked.keys.max()) + 1 if len(asked.keys) else 0
    if capacity <= 0 or key_count <= 0:
        return np.full(len(asked.keys), SERVED, dtype=np.int64)
    return _replay(
        asked.keys,
        asked.arrivals,
        asked.ends,
        asked.storable & np.isfinite(asked.ends),
        key_count,
        min(capacity, key_count),
        ttl_seconds,
        policy == "lru",
    )


@kernel
def _replay(
    keys: Ints,
    arrivals: Floats,
    ends: Floats,
    storable: Mask,
    key_count: int,
    capacity: int,
    ttl: float,
    is_lru: bool,
) -> Ints:
    fillers = np.full(keys.size, SERVED, dtype=np.int64)
    stored = np.full(key_count, SERVED, dtype=np.int64)
    links = empty_lists(key_count, 1)
    due = np.empty(keys.size, dtype=np.float64)
    rows = np.empty(keys.size, dtype=np.int64)
    pending = held = 0
    for row in range(keys.size):
        while pending > 0 and due[0] <= arrivals[row]:
            done = rows[0]
            pop_least(due, rows, pending)
            pending -= 1
            key = keys[done]
            if links[key, 0] != LOOSE:
                unlink(links, key)
            elif held == capacity:
                oldest = links[key_count, 0]
                stored[oldest] = SERVED
                unlink(links, oldest)
            else:
                held += 1
            stored[key] = done
            link_newest(links, key_count, key)
        key = keys[row]
        if key == NO_KEY:
            continue
        filler = stored[key]
        if filler != SERVED and arrivals[row] - ends[filler] < ttl:
            fillers[row] = filler
            if is_lru:
                unlink(links, key)
                link_newest(links, key_count, key)
        elif storable[row]:
            push_least(due, rows, pending, ends[row], row)
            pending += 1
    return fillers


def dense_keys(frame: pl.DataFrame, columns: Sequence[str]) -> Ints:
    """Number the distinct combinations of key columns, `NO_KEY` where one of them is unknown."""
    keyed = frame.select(columns)
    numbers = keyed.drop_nulls().unique(maintain_order=True).with_row_index("key")
    joined = keyed.join(numbers, on=list(columns), how="left", maintain_order="left")
    keys: Ints = joined["key"].cast(pl.Int64).fill_null(NO_KEY).to_numpy()
    return keys
