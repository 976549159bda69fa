"""Belady's bound: the hits of a cache that knows the future."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]


@kernel
def _next_use(blocks: Ids, block_count: int) -> Ints:
    """Position of the next access of the same id; positions past the end mean never."""
    following = np.empty(blocks.size, dtype=np.int64)
    upcoming = np.full(block_count, np.int64(1) << 62, dtype=np.int64)
    for position in range(blocks.size - 1, -1, -1):
        following[position] = upcoming[blocks[position]]
        upcoming[blocks[position]] = position
    return following


@kernel
def _push(keys: Ints, values: Ids, size: int, key: int, value: int) -> None:
    """Add to a max-heap of `size` entries.

    A heap of its own: most blocks are never used again, and equal keys that stay where they are
    make it ten times as fast as one that orders them.
    """
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] >= key:
            break
        keys[child] = keys[parent]
        values[child] = values[parent]
        child = parent
    keys[child] = key
    values[child] = value


@kernel
def _drop_top(keys: Ints, values: Ids, size: int) -> None:
    """Remove the largest of `size` entries."""
    key = keys[size - 1]
    value = values[size - 1]
    last = size - 1
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= last:
            break
        if child + 1 < last and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[parent] = keys[child]
        values[parent] = values[child]
        parent = child
    keys[parent] = key
    values[parent] = value


@kernel
def belady_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """Evict the id used furthest ahead; stale heap entries are dropped when they surface.

    Every access brings its block in, as in the other policies: no block bypasses the cache.
    """
    hits = np.zeros(blocks.size, dtype=np.bool_)
    following = _next_use(blocks, block_count)
    keys = np.empty(blocks.size, dtype=np.int64)
    values = np.empty(blocks.size, dtype=np.int32)
    current = np.full(block_count, -1, dtype=np.int64)
    size = 0
    held = 0
    for position in range(blocks.size):
        block = blocks[position]
        if current[block] >= 0:
            hits[position] = True
        elif held == capacity:
            while current[values[0]] != keys[0]:
                _drop_top(keys, values, size)
                size -= 1
            current[values[0]] = -1
            _drop_top(keys, values, size)
            size -= 1
        else:
            held += 1
        current[block] = following[position]
        _push(keys, values, size, following[position], block)
        size += 1
    return hits
