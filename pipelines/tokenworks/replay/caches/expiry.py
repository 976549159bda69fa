"""Caches whose blocks expire, as those of API providers do after five minutes or an hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.links import LOOSE, empty_lists, link_newest, unlink
from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


def expiring_hits(
    blocks: Ids,
    offsets: Ints,
    arrivals: Floats,
    block_count: int,
    capacity: int,
    ttl_seconds: float,
    is_refreshed_on_use: bool,
) -> Mask:
    """Which accesses an LRU cache with expiry would have held.

    A block lives while less than `ttl_seconds` have passed since it was written or, if use
    refreshes it, last read; both happen when its prompt arrives. Behind the first block that is
    missing, a prompt is computed and so written again. Expired blocks take room until LRU drops
    them.

    Args:
        blocks: dense block ids of all prompts, in order of arrival.
        offsets: start of each prompt in `blocks`, and the end of the last.
        arrivals: seconds at which each prompt arrives, never falling.
        block_count: number of distinct ids.
        capacity: blocks that the cache holds; `block_count` or more where only time counts.
        ttl_seconds: life of a block.
        is_refreshed_on_use: whether reading starts its life anew.
    """
    if capacity <= 0:
        return np.zeros(len(blocks), dtype=np.bool_)
    held = min(capacity, block_count)
    return _hits(blocks, offsets, arrivals, block_count, held, ttl_seconds, is_refreshed_on_use)


@kernel
def _hits(
    blocks: Ids,
    offsets: Ints,
    arrivals: Floats,
    block_count: int,
    capacity: int,
    ttl: float,
    refresh: bool,
) -> Mask:
    """LRU over ids as in `recency`, with the moment at which each id was written."""
    hits = np.zeros(blocks.size, dtype=np.bool_)
    head = block_count
    links = empty_lists(block_count, 1)
    written = np.full(block_count, -np.inf)
    held = 0
    for prompt in range(offsets.size - 1):
        now = arrivals[prompt]
        unbroken = True
        for position in range(offsets[prompt], offsets[prompt + 1]):
            block = blocks[position]
            if links[block, 0] != LOOSE:
                hits[position] = now - written[block] < ttl
                unlink(links, block)
            elif held == capacity:
                unlink(links, links[head, 0])
            else:
                held += 1
            unbroken = unbroken and hits[position]
            if refresh or not unbroken:
                written[block] = now
            link_newest(links, head, block)
    return hits
