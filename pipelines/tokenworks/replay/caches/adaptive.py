"""ARC, the policy that shifts its room between what was seen once and what was seen often."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.links import empty_lists, link_newest, unlink
from tokenworks_sources.jit import kernel

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Lists of ARC: held and seen once, held and seen often, and what either has lost.
_ABSENT, _ONCE, _OFTEN, _LOST_ONCE, _LOST_OFTEN = 0, 1, 2, 3, 4


@kernel
def _move(links: Ids, place: NDArray[np.int8], counts: Ints, block: int, target: int) -> None:
    """Take a block out of its list and make it the newest of another, or of none."""
    source = place[block]
    if source != _ABSENT:
        unlink(links, block)
        counts[source] -= 1
    place[block] = target
    if target != _ABSENT:
        link_newest(links, place.size + target, block)
        counts[target] += 1


@kernel
def _replace(
    links: Ids, place: NDArray[np.int8], counts: Ints, goal: float, lost_often: bool
) -> None:
    """Give up one held block, from the list that is larger than its goal."""
    ids = place.size
    once = counts[_ONCE]
    if once > 0 and (once > goal or (lost_often and once == goal) or counts[_OFTEN] == 0):
        _move(links, place, counts, links[ids + _ONCE, 0], _LOST_ONCE)
    else:
        _move(links, place, counts, links[ids + _OFTEN, 0], _LOST_OFTEN)


@kernel
def arc_hits(blocks: Ids, block_count: int, capacity: int) -> Mask:
    """Adaptive replacement (Megiddo and Modha 2003), the goal in fractions of a block.

    Returns:
        Which accesses the cache held.
    """
    hits = np.zeros(blocks.size, dtype=np.bool_)
    links = empty_lists(block_count, 5)
    place = np.zeros(block_count, dtype=np.int8)
    counts = np.zeros(5, dtype=np.int64)
    goal = 0.0
    for position in range(blocks.size):
        block = blocks[position]
        found = place[block]
        if found in (_ONCE, _OFTEN):
            hits[position] = True
            _move(links, place, counts, block, _OFTEN)
            continue
        if found in (_LOST_ONCE, _LOST_OFTEN):
            if found == _LOST_ONCE:
                goal = min(goal + max(counts[_LOST_OFTEN] / counts[_LOST_ONCE], 1.0), capacity)
            else:
                goal = max(goal - max(counts[_LOST_ONCE] / counts[_LOST_OFTEN], 1.0), 0.0)
            _move(links, place, counts, block, _ABSENT)
            _replace(links, place, counts, goal, found == _LOST_OFTEN)
            _move(links, place, counts, block, _OFTEN)
            continue
        if counts[_ONCE] + counts[_OFTEN] == capacity:
            if counts[_ONCE] + counts[_LOST_ONCE] == capacity:
                if counts[_LOST_ONCE] > 0:
                    _move(links, place, counts, links[block_count + _LOST_ONCE, 0], _ABSENT)
                    _replace(links, place, counts, goal, False)
                else:
                    _move(links, place, counts, links[block_count + _ONCE, 0], _ABSENT)
            else:
                if counts[1:].sum() == 2 * capacity:
                    _move(links, place, counts, links[block_count + _LOST_OFTEN, 0], _ABSENT)
                _replace(links, place, counts, goal, False)
        _move(links, place, counts, block, _ONCE)
    return hits
