"""Block caches: how many leading blocks of each prompt a cache of one size would have held.

Prompts come flat: `blocks` holds dense block ids (0 to n-1) of all prompts one after another,
`offsets` where each prompt starts. A prompt hits with its leading run of cached blocks only,
since attention needs the whole prefix; then all its blocks are touched in order ("flat"
eviction over single blocks). Not here: capacities in tokens, scopes, ratios (`prefix.py`,
`hit_ratio.py`) and all capacities at once (`stack_distance.py`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.jit import kernel

Policy = Literal["lru", "fifo", "belady"]
Ints = NDArray[np.int64]
Ids = NDArray[np.int32]


def leading_hits(
    blocks: Ids, offsets: Ints, block_count: int, capacity: int, policy: Policy
) -> tuple[Ints, Ints]:
    """Replay prompts through one cache.

    Args:
        blocks: dense block ids of all prompts, in order of arrival.
        offsets: start of each prompt in `blocks`, and the end of the last.
        block_count: number of distinct ids.
        capacity: blocks that the cache holds.
        policy: lru and fifo decide without the future; belady knows it and is a bound for hits
            anywhere in the prompt.

    Returns:
        For each prompt its leading run of hits, and its hits anywhere.
    """
    if capacity <= 0:
        zeros = np.zeros(len(offsets) - 1, dtype=np.int64)
        return zeros, zeros.copy()
    if policy == "lru":
        return _lru(blocks, offsets, block_count, min(capacity, block_count))
    if policy == "fifo":
        return _fifo(blocks, offsets, block_count, min(capacity, block_count))
    return _belady(blocks, offsets, block_count, min(capacity, block_count))


@kernel
def _lru(blocks: Ids, offsets: Ints, block_count: int, capacity: int) -> tuple[Ints, Ints]:
    """Doubly linked list over ids; `head` is the sentinel, its `after` the most recent."""
    prompts = offsets.size - 1
    leading = np.zeros(prompts, dtype=np.int64)
    anywhere = np.zeros(prompts, dtype=np.int64)
    head = block_count
    before = np.full(block_count + 1, -1, dtype=np.int32)
    after = np.full(block_count + 1, -1, dtype=np.int32)
    before[head] = head
    after[head] = head
    held = 0
    for prompt in range(prompts):
        unbroken = True
        for position in range(offsets[prompt], offsets[prompt + 1]):
            block = blocks[position]
            if before[block] >= 0:
                anywhere[prompt] += 1
                if unbroken:
                    leading[prompt] += 1
                after[before[block]] = after[block]
                before[after[block]] = before[block]
            else:
                unbroken = False
                if held == capacity:
                    oldest = before[head]
                    before[head] = before[oldest]
                    after[before[oldest]] = head
                    before[oldest] = -1
                else:
                    held += 1
            first = after[head]
            after[block] = first
            before[block] = head
            before[first] = block
            after[head] = block
    return leading, anywhere


@kernel
def _fifo(blocks: Ids, offsets: Ints, block_count: int, capacity: int) -> tuple[Ints, Ints]:
    """Ring of the last `capacity` inserted ids."""
    prompts = offsets.size - 1
    leading = np.zeros(prompts, dtype=np.int64)
    anywhere = np.zeros(prompts, dtype=np.int64)
    ring = np.full(capacity, -1, dtype=np.int32)
    held = np.zeros(block_count, dtype=np.bool_)
    slot = 0
    for prompt in range(prompts):
        unbroken = True
        for position in range(offsets[prompt], offsets[prompt + 1]):
            block = blocks[position]
            if held[block]:
                anywhere[prompt] += 1
                if unbroken:
                    leading[prompt] += 1
                continue
            unbroken = False
            if ring[slot] >= 0:
                held[ring[slot]] = False
            ring[slot] = block
            held[block] = True
            slot = slot + 1 if slot + 1 < capacity else 0
    return leading, anywhere


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
    """Add to a max-heap of `size` entries."""
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
def _belady(blocks: Ids, offsets: Ints, block_count: int, capacity: int) -> tuple[Ints, Ints]:
    """Evict the id used furthest ahead; stale heap entries are dropped when they surface."""
    prompts = offsets.size - 1
    leading = np.zeros(prompts, dtype=np.int64)
    anywhere = np.zeros(prompts, dtype=np.int64)
    following = _next_use(blocks, block_count)
    keys = np.empty(blocks.size, dtype=np.int64)
    values = np.empty(blocks.size, dtype=np.int32)
    current = np.full(block_count, -1, dtype=np.int64)
    size = 0
    held = 0
    for prompt in range(prompts):
        unbroken = True
        for position in range(offsets[prompt], offsets[prompt + 1]):
            block = blocks[position]
            if current[block] >= 0:
                anywhere[prompt] += 1
                if unbroken:
                    leading[prompt] += 1
            else:
                unbroken = False
                if held == capacity:
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
    return leading, anywhere
