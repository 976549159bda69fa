"""Caches in tiers, such as GPU memory, then host memory, then disk.

A block found in a lower tier is brought to the top. What else happens differs by engine:

- `demote`: a block lives in one tier; what a tier gives up goes down to the next. Together the
  tiers hold what one LRU cache of their summed size would.
- `write_through`: a computed block is written to every tier, a promoted one to every tier above
  the one that had it; what a tier gives up is gone there. Lower tiers do not see uses above them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.links import LOOSE, empty_lists, link_newest, unlink
from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
TierIds = NDArray[np.int8]

Spill = Literal["demote", "write_through"]

#: Tier of an access that no tier held.
NOWHERE = -1


@dataclass(frozen=True)
class TierHits:
    """Where blocks were found.

    Attributes:
        tiers: tier of each access, 0 the first, `NOWHERE` if none held it.
        leading: blocks of each prompt's leading run, by prompt and tier.
    """

    tiers: TierIds
    leading: Ints


def tier_hits(
    blocks: Ids, offsets: Ints, block_count: int, capacities: Ints, spill: Spill
) -> TierHits:
    """Replay prompts through LRU tiers.

    Args:
        blocks: dense block ids of all prompts, in order of arrival.
        offsets: start of each prompt in `blocks`, and the end of the last.
        block_count: number of distinct ids.
        capacities: blocks that each tier holds, first tier first.
        spill: what becomes of a block that a tier gives up; see the module.
    """
    tiers = _find(blocks, block_count, capacities.astype(np.int64), spill == "demote")
    return TierHits(tiers, _leading_by_tier(tiers, offsets, len(capacities)))


@kernel
def _insert(links: NDArray[np.int32], counts: Ints, sizes: Ints, tier: int, block: int) -> int:
    """Make a block the newest of a tier; returns what the tier gives up, or -1."""
    if sizes[tier] <= 0:
        return block
    gone = -1
    if counts[tier] == sizes[tier]:
        gone = int(links[tier][links.shape[1] - 1, 0])
        unlink(links[tier], gone)
        counts[tier] -= 1
    link_newest(links[tier], links.shape[1] - 1, block)
    counts[tier] += 1
    return gone


@kernel
def _find(blocks: Ids, block_count: int, sizes: Ints, demote: bool) -> TierIds:
    found = np.full(blocks.size, NOWHERE, dtype=np.int8)
    links = np.empty((sizes.size, block_count + 1, 2), dtype=np.int32)
    links[:] = empty_lists(block_count, 1)
    counts = np.zeros(sizes.size, dtype=np.int64)
    for position in range(blocks.size):
        block = blocks[position]
        tier = 0
        while tier < sizes.size and links[tier, block, 0] == LOOSE:
            tier += 1
        if tier < sizes.size:
            found[position] = tier
            unlink(links[tier], block)
            counts[tier] -= 1
        if demote:
            spilled, target = int(block), 0
            while spilled >= 0 and target < sizes.size:
                spilled = _insert(links, counts, sizes, target, spilled)
                target += 1
        else:
            for target in range(min(tier + 1, sizes.size)):
                _insert(links, counts, sizes, target, int(block))
    return found


@kernel
def _leading_by_tier(tiers: TierIds, offsets: Ints, tier_count: int) -> Ints:
    leading = np.zeros((offsets.size - 1, tier_count), dtype=np.int64)
    for prompt in range(offsets.size - 1):
        for position in range(offsets[prompt], offsets[prompt + 1]):
            if tiers[position] < 0:
                break
            leading[prompt, tiers[position]] += 1
    return leading
