"""Policies that count uses: LFU and S3-FIFO.

Each kernel takes single accesses to dense ids and says which of them the cache held.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.links import LOOSE, empty_lists, link_newest, unlink
from tokenworks_sources.jit import kernel

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Uses that an S3-FIFO block needs while in the small queue to be kept.
S3FIFO_USES_TO_STAY = 2
S3FIFO_MOST_USES = 3


@kernel
def lfu_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """Evict the least used since it came in; of several, the least recently used.

    Ids of one count stand in a list of their own. A block that leaves forgets its count.
    """
    hits = np.zeros(blocks.size, dtype=np.bool_)
    most = 0
    total = np.zeros(block_count, dtype=np.int64)
    for position in range(blocks.size):
        total[blocks[position]] += 1
        most = max(most, total[blocks[position]])
    links = empty_lists(block_count, most + 1)
    uses = np.zeros(block_count, dtype=np.int64)
    least = np.int64(1)
    held = 0
    for position in range(blocks.size):
        block = blocks[position]
        if uses[block] > 0:
            hits[position] = True
            left = block_count + uses[block]
            unlink(links, block)
            if uses[block] == least and links[left, 0] == left:
                least += 1
        else:
            if held == capacity:
                victim = links[block_count + least, 0]
                unlink(links, victim)
                uses[victim] = 0
            else:
                held += 1
            least = np.int64(1)
        uses[block] += 1
        link_newest(links, block_count + uses[block], block)
    return hits


@kernel
def _append(queue: Ids, state: Ints, block: int) -> None:
    """Make a block the newest of a ring; `state` holds the ring's head and its length."""
    queue[(state[0] + state[1]) % queue.size] = block
    state[1] += 1


@kernel
def _take_oldest(queue: Ids, state: Ints) -> int:
    """Remove the oldest of a ring."""
    oldest = int(queue[state[0]])
    state[0] = (state[0] + 1) % queue.size
    state[1] -= 1
    return oldest


@kernel
def _make_room(
    small: Ids, in_small: Ints, main: Ids, in_main: Ints, uses: NDArray[np.int8], main_size: int
) -> int:
    """One step of an eviction: from the main queue where it is too long, else from the small one.

    Returns:
        The block that left the small queue, or -1.
    """
    if in_main[1] > main_size or in_small[1] == 0:
        while True:
            victim = _take_oldest(main, in_main)
            uses[victim] -= 1
            if uses[victim] < 0:
                return -1
            _append(main, in_main, victim)
    while in_small[1] > 0:
        victim = _take_oldest(small, in_small)
        if uses[victim] < S3FIFO_USES_TO_STAY:
            uses[victim] = -1
            return victim
        uses[victim] = 0
        _append(main, in_main, victim)
    return -1


@kernel
def s3fifo_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """S3-FIFO: a small queue (10 %), a main queue, and a ghost queue of 90 % without data.

    New blocks enter the small queue (the main queue too, before the first eviction), those that
    the ghosts remember the main queue. Leaving the small queue, a block used at least twice moves
    to the main queue, others become ghosts; leaving the main queue, a used block goes round again
    with one use less. At least one block stands in the small queue.
    """
    hits = np.zeros(blocks.size, dtype=np.bool_)
    small_size = max(1, capacity // 10)
    ghost_size = capacity * 9 // 10
    small, main = np.empty(capacity + 1, np.int32), np.empty(capacity + 1, np.int32)
    in_small, in_main = np.zeros(2, np.int64), np.zeros(2, np.int64)
    links = empty_lists(block_count, 1)
    uses = np.full(block_count, -1, dtype=np.int8)
    ghosts = 0
    filling = True
    for position in range(blocks.size):
        block = blocks[position]
        if uses[block] >= 0:
            hits[position] = True
            uses[block] = min(uses[block] + 1, S3FIFO_MOST_USES)
            continue
        remembered = links[block, 0] != LOOSE
        if remembered:
            unlink(links, block)
            ghosts -= 1
        while in_small[1] + in_main[1] >= capacity:
            filling = False
            gone = _make_room(small, in_small, main, in_main, uses, capacity - small_size)
            if gone >= 0 and ghosts < ghost_size:
                ghosts += 1
                link_newest(links, block_count, gone)
            elif gone >= 0 and ghost_size > 0:
                unlink(links, links[block_count, 0])
                link_newest(links, block_count, gone)
        uses[block] = 0
        if remembered or (filling and in_small[1] >= small_size):
            _append(main, in_main, block)
        else:
            _append(small, in_small, block)
    return hits
