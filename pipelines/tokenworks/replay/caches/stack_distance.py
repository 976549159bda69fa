"""All LRU capacities in one pass.

An LRU cache of any size holds the blocks above a depth in one and the same stack, so one pass
that measures how deep each block lay gives the hits of every capacity. A prompt's leading run at
capacity C ends at the first block that lay deeper than C, so a block counts from the largest
depth among itself and the blocks before it in its prompt.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]

#: Depth of a block that was never seen before: no capacity hits it.
NEVER = np.int64(1) << 62


@kernel
def required_capacities(blocks: Ids, offsets: Ints, block_count: int) -> Ints:
    """Smallest LRU capacity, in blocks, at which each block is part of its prompt's leading run.

    Counts the distinct ids since the last access with a Fenwick tree over access positions.

    Args:
        blocks: dense block ids of all prompts, in order of arrival.
        offsets: start of each prompt in `blocks`, and the end of the last.
        block_count: number of distinct ids.

    Returns:
        One capacity per entry of `blocks`; `NEVER` where no capacity helps.
    """
    tree = np.zeros(blocks.size + 1, dtype=np.int32)
    last = np.full(block_count, -1, dtype=np.int64)
    required = np.empty(blocks.size, dtype=np.int64)
    distinct = 0
    for prompt in range(offsets.size - 1):
        deepest = np.int64(0)
        for position in range(offsets[prompt], offsets[prompt + 1]):
            block = blocks[position]
            seen = last[block]
            if seen < 0:
                deepest = NEVER
                distinct += 1
            else:
                depth = np.int64(distinct - _count_up_to(tree, seen) + 1)
                deepest = max(deepest, depth)
                _add(tree, seen, -1)
            required[position] = deepest
            last[block] = position
            _add(tree, position, 1)
    return required


@kernel
def _count_up_to(tree: Ids, position: int) -> int:
    """Last accesses at or before a position."""
    count = 0
    node = position + 1
    while node > 0:
        count += tree[node]
        node -= node & -node
    return count


@kernel
def _add(tree: Ids, position: int, change: int) -> None:
    node = position + 1
    while node < tree.size:
        tree[node] += change
        node += node & -node


def hits_by_capacity(required: Ints, weights: Ints) -> tuple[Ints, Ints]:
    """Curve of hits: capacities where it steps, and the weight hit at each capacity or more."""
    capacities, gained = gains_by_capacity(required, weights)
    return capacities, np.cumsum(gained)


def gains_by_capacity(required: Ints, weights: Ints) -> tuple[Ints, Ints]:
    """Capacities where the curve of hits steps, and the weight that each of them adds."""
    reachable = required < NEVER
    if not reachable.any():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    steps = required[reachable]
    capacities = np.flatnonzero(np.bincount(steps))
    # Whole numbers that doubles hold: sums of tokens are far below 2^53.
    gained = np.bincount(steps, weights=weights[reachable])[capacities]
    return capacities, gained.astype(np.int64)
