"""Block caches: how many leading blocks of each prompt a cache of one size would have held.

Prompts come flat: `blocks` holds dense block ids (0 to n-1) of all prompts one after another,
`offsets` where each prompt starts. A prompt hits with its leading run of cached blocks only,
since attention needs the whole prefix; then all its blocks are touched in order ("flat"
eviction over single blocks). The policies themselves live in `recency.py`, `frequency.py`,
`adaptive.py` and `belady.py`. Not here: eviction of leaves only (`trie.py`), expiry (`expiry.py`),
tiers (`tiers.py`), capacities in tokens and scopes (`prefix.py`), ratios (`hit_ratio.py`) and all
capacities at once (`stack_distance.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.adaptive import arc_hits
from tokenworks.replay.caches.belady import belady_hits
from tokenworks.replay.caches.frequency import lfu_hits, s3fifo_hits
from tokenworks.replay.caches.recency import fifo_hits, lru_hits, sieve_hits
from tokenworks_sources.jit import kernel

Policy = Literal["lru", "lfu", "fifo", "sieve", "s3fifo", "arc", "belady"]
Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]

_KERNELS: dict[Policy, Callable[[Ids, int, int], Mask]] = {
    "lru": lru_hits,
    "lfu": lfu_hits,
    "fifo": fifo_hits,
    "sieve": sieve_hits,
    "s3fifo": s3fifo_hits,
    "arc": arc_hits,
    "belady": belady_hits,
}


def access_hits(blocks: Ids, block_count: int, capacity: int, policy: Policy) -> Mask:
    """Which single accesses a cache would have held.

    Args:
        blocks: dense ids in order of access.
        block_count: number of distinct ids.
        capacity: blocks that the cache holds.
        policy: lru, lfu, fifo, sieve, s3fifo and arc decide without the future; belady knows it
            and is a bound for the hits of all others.
    """
    if capacity <= 0:
        return np.zeros(len(blocks), dtype=np.bool_)
    return _KERNELS[policy](blocks, block_count, min(capacity, block_count))


def leading_hits(
    blocks: Ids, offsets: Ints, block_count: int, capacity: int, policy: Policy
) -> tuple[Ints, Ints]:
    """Replay prompts through one cache.

    Args:
        blocks: dense block ids of all prompts, in order of arrival.
        offsets: start of each prompt in `blocks`, and the end of the last.
        block_count: number of distinct ids.
        capacity: blocks that the cache holds.
        policy: see `access_hits`.

    Returns:
        For each prompt its leading run of hits, and its hits anywhere.
    """
    return runs_of(access_hits(blocks, block_count, capacity, policy), offsets)


@kernel
def runs_of(hits: Mask, offsets: Ints) -> tuple[Ints, Ints]:
    """Leading run of hits of each prompt, and its hits anywhere."""
    prompts = offsets.size - 1
    leading = np.zeros(prompts, dtype=np.int64)
    anywhere = np.zeros(prompts, dtype=np.int64)
    for prompt in range(prompts):
        unbroken = True
        for position in range(offsets[prompt], offsets[prompt + 1]):
            if hits[position]:
                anywhere[prompt] += 1
                leading[prompt] += unbroken
            else:
                unbroken = False
    return leading, anywhere
