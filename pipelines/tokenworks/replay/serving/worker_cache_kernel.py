"""Prefix caches of the replicas: one LRU list of blocks each, used inside the event loop.

A request looks its blocks up when it arrives. Each replica admits in order of arrival, so this
finds what a look-up at admission would find. Blocks of running requests are not protected: the
list holds what is free to be reused, and its capacity is a number of its own.

Compiled callers keep their own copy of this code in their cache: after a change here, delete the
`__pycache__` folders.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import bare_kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]


class Caches(NamedTuple):
    """Blocks of the prompts, and per replica who was used before and after whom.

    The last id of `before` and `after` is the head of the list; `before` of a block that is not
    held is -1. Without caches `capacity` is 0.
    """

    capacity: int
    block_tokens: int
    ids: Ids
    offsets: Ints
    before: Ids
    after: Ids
    held: Ints
    runs: Ints


def new_caches(
    ids: Ids, offsets: Ints, capacity: int, block_tokens: int, block_count: int, replicas: int
) -> Caches:
    """Empty caches; memory grows with replicas times distinct blocks."""
    before = np.full((replicas, block_count + 1), -1, dtype=np.int32)
    before[:, block_count] = block_count
    held, runs = np.zeros(replicas, dtype=np.int64), np.zeros(len(offsets) - 1, dtype=np.int64)
    return Caches(capacity, block_tokens, ids, offsets, before, before.copy(), held, runs)


def no_caches() -> Caches:
    """What stands for a fleet whose cached tokens are given."""
    return new_caches(np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int64), 0, 1, 0, 1)


@bare_kernel
def leading_run(caches: Caches, replica: int, row: int) -> int:
    """Leading blocks of a prompt that a replica holds."""
    first = caches.offsets[row]
    position = first
    while position < caches.offsets[row + 1]:
        if caches.before[replica, caches.ids[position]] < 0:
            break
        position += 1
    run: int = position - first
    return run


@bare_kernel
def use(caches: Caches, replica: int, row: int) -> None:
    """Touch the blocks of a prompt in order and note its leading run of hits."""
    unbroken = True
    for position in range(caches.offsets[row], caches.offsets[row + 1]):
        hit = _touch(caches, replica, caches.ids[position])
        unbroken = unbroken and hit
        if unbroken:
            caches.runs[row] += 1


@bare_kernel
def _touch(caches: Caches, replica: int, block: int) -> bool:
    """Make a block the newest, in the place of the oldest if need be; whether it was held."""
    before, after = caches.before[replica], caches.after[replica]
    head = before.size - 1
    hit = before[block] >= 0
    if hit:
        after[before[block]] = after[block]
        before[after[block]] = before[block]
    elif caches.held[replica] == caches.capacity:
        oldest = before[head]
        before[head] = before[oldest]
        after[before[oldest]] = head
        before[oldest] = -1
    else:
        caches.held[replica] += 1
    newest = after[head]
    after[block] = newest
    before[block] = head
    before[newest] = block
    after[head] = block
    return bool(hit)
