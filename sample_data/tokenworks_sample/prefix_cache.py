"""A KV prefix cache: least recently used blocks leave first.

Belongs here: the cache alone. Definition (`flat` LRU): the hit is the run of leading blocks that
are in the cache; then every full block of the prompt is touched in order, and whenever more than
`capacity` blocks are held, the one that was touched longest ago leaves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


class PrefixCache:
    """Blocks of one replica, by id."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        # Oldest first. A plain dict would search past its deleted heads on every eviction.
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def leading_run(self, blocks: Sequence[int]) -> int:
        """Number of leading blocks that are held."""
        held = self._blocks
        for index, block in enumerate(blocks):
            if block not in held:
                return index
        return len(blocks)

    def touch(self, blocks: Sequence[int]) -> None:
        """Use or insert blocks in order, evicting the oldest where there are too many."""
        held = self._blocks
        for block in blocks:
            if block in held:
                held.move_to_end(block)
                continue
            held[block] = None
            if len(held) > self.capacity:
                held.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, as a restart does."""
        self._blocks.clear()
