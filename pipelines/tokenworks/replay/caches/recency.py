"""Policies that order blocks by arrival or last use: LRU, FIFO and SIEVE.

Each kernel takes single accesses to dense ids and says which of them the cache held.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.links import LOOSE, empty_lists, link_newest, unlink
from tokenworks_sources.jit import kernel

Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]


@kernel
def lru_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """Evict the least recently used."""
    hits = np.zeros(blocks.size, dtype=np.bool_)
    head = block_count
    links = empty_lists(block_count, 1)
    held = 0
    for position in range(blocks.size):
        block = blocks[position]
        if links[block, 0] != LOOSE:
            hits[position] = True
            unlink(links, block)
        elif held == capacity:
            unlink(links, links[head, 0])
        else:
            held += 1
        link_newest(links, head, block)
    return hits


@kernel
def fifo_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """Evict the oldest. Ring of the last `capacity` inserted ids."""
    hits = np.zeros(blocks.size, dtype=np.bool_)
    ring = np.full(capacity, -1, dtype=np.int32)
    held = np.zeros(block_count, dtype=np.bool_)
    slot = 0
    for position in range(blocks.size):
        block = blocks[position]
        if held[block]:
            hits[position] = True
            continue
        if ring[slot] >= 0:
            held[ring[slot]] = False
        ring[slot] = block
        held[block] = True
        slot = slot + 1 if slot + 1 < capacity else 0
    return hits


@kernel
def sieve_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """Evict the first unvisited from the hand towards the newest, unmarking what it passes.

    `newer` and `older` link the ids by arrival; a hit marks and moves nothing. At the newest the
    hand starts over from the oldest.
    """
    hits = np.zeros(blocks.size, dtype=np.bool_)
    newer = np.full(block_count, -1, dtype=np.int32)
    older = np.full(block_count, -1, dtype=np.int32)
    held = np.zeros(block_count, dtype=np.bool_)
    visited = np.zeros(block_count, dtype=np.bool_)
    newest = oldest = hand = np.int32(-1)
    count = 0
    for position in range(blocks.size):
        block = blocks[position]
        if held[block]:
            hits[position] = True
            visited[block] = True
            continue
        if count == capacity:
            victim = hand if hand >= 0 else oldest
            while visited[victim]:
                visited[victim] = False
                victim = newer[victim] if newer[victim] >= 0 else oldest
            hand = newer[victim]
            if newer[victim] >= 0:
                older[newer[victim]] = older[victim]
            else:
                newest = older[victim]
            if older[victim] >= 0:
                newer[older[victim]] = newer[victim]
            else:
                oldest = newer[victim]
            held[victim] = False
            count -= 1
        newer[block] = -1
        older[block] = newest
        if newest >= 0:
            newer[newest] = block
        else:
            oldest = block
        newest = block
        held[block] = True
        visited[block] = False
        count += 1
    return hits
