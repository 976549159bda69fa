"""Belady's bound: the hits of a cache that knows the future."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.heap import pop_key, push_key
from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]

ABSENT = -1


@kernel
def _next_use(blocks: Ids, block_count: int) -> Ints:
    """Position of the next access of the same id; the end means never."""
    following = np.empty(blocks.size, dtype=np.int64)
    upcoming = np.full(block_count, blocks.size, dtype=np.int64)
    for position in range(blocks.size - 1, -1, -1):
        following[position] = upcoming[blocks[position]]
        upcoming[blocks[position]] = position
    return following


@kernel
def belady_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """Evict the id used furthest ahead.

    Every access brings its block in, as in the other policies: no block bypasses the cache. Ids
    that are never used again wait in a pile and go first; of the others a heap holds the next
    positions, negated, and entries that are no longer their id's next are stale.
    """
    hits = np.zeros(blocks.size, dtype=np.bool_)
    following = _next_use(blocks, block_count)
    heap = np.empty(blocks.size, dtype=np.int64)
    done = np.empty(capacity, dtype=np.int32)
    upcoming = np.full(block_count, ABSENT, dtype=np.int64)
    size = finished = held = 0
    for position in range(blocks.size):
        block = blocks[position]
        if upcoming[block] != ABSENT:
            hits[position] = True
        elif held < capacity:
            held += 1
        elif finished > 0:
            finished -= 1
            upcoming[done[finished]] = ABSENT
        else:
            while upcoming[blocks[-heap[0]]] != -heap[0]:
                size = pop_key(heap, size)
            upcoming[blocks[-heap[0]]] = ABSENT
            size = pop_key(heap, size)
        upcoming[block] = following[position]
        if following[position] == blocks.size:
            done[finished] = block
            finished += 1
        else:
            size = push_key(heap, size, -following[position])
    return hits
