"""Block hashes counted through in order of appearance, however many there are.

Hashes come piece by piece and are not kept: a table of open addresses holds the number of each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.spool import room
from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]

_LEAST = 1 << 12
_NO_TABLE: Ids = np.empty(0, dtype=np.int32)


class Numbering:
    """Numbers of the hashes seen so far."""

    def __init__(self) -> None:
        self._hashes: Ints = np.empty(_LEAST, dtype=np.int64)
        self._table: Ids = np.full(2 * _LEAST, -1, dtype=np.int32)
        self.count = 0

    def of(self, hashes: Ints) -> Ids:
        """The number of each hash; new ones get the next numbers."""
        most = self.count + len(hashes)
        if 2 * most > len(self._table):
            self._grow(most)
        ids, self.count = _numbered(hashes, self._hashes, self._table, self.count)
        return ids

    @property
    def hashes(self) -> Ints:
        """The hash of each number."""
        return self._hashes[: self.count]

    def _grow(self, most: int) -> None:
        size = 1 << int(2 * most - 1).bit_length()
        # Written from front to back, so that they may lie on disk; the table is written all over.
        held = room(size // 2, np.int64)
        held[: self.count] = self._hashes[: self.count]
        self._hashes, self._table = held, _NO_TABLE
        self._table = np.full(size, -1, dtype=np.int32)
        _put_back(held, self._table, self.count)


@kernel
def _place_of(number: int, last: int) -> np.int64:
    # The multiplier of Fibonacci hashing spreads hashes that are counted through.
    mixed = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed >> np.uint64(32)) & np.uint64(last))


@kernel
def _put_back(held: Ints, table: Ids, count: int) -> None:
    """Numbers of hashes that are known to differ, in a table of another size."""
    last = table.size - 1
    for row in range(count):
        place = _place_of(held[row], last)
        while table[place] >= 0:
            place = (place + 1) & last
        table[place] = row


@kernel
def _numbered(hashes: Ints, held: Ints, table: Ids, count: int) -> tuple[Ids, int]:
    ids = np.empty(hashes.size, dtype=np.int32)
    last = table.size - 1
    for row in range(hashes.size):
        place = _place_of(hashes[row], last)
        while table[place] >= 0 and held[table[place]] != hashes[row]:
            place = (place + 1) & last
        if table[place] < 0:
            table[place] = count
            held[count] = hashes[row]
            count += 1
        ids[row] = table[place]
    return ids, count


@kernel
def taken(ids: Ids, starts: Ints, offsets: Ints) -> Ids:
    """Runs of ids that begin at `starts`, as long as those between `offsets`, one after another."""
    found = np.empty(offsets[-1], dtype=np.int32)
    for run in range(starts.size):
        for place in range(offsets[run], offsets[run + 1]):
            found[place] = ids[starts[run] + place - offsets[run]]
    return found


@kernel
def renumbered(ids: Ids, numbers: Ids) -> tuple[Ids, int]:
    """Some ids counted anew, in order of appearance.

    Args:
        ids: the ids.
        numbers: -1 for every id that there is; left as it was found.
    """
    found = np.empty(ids.size, dtype=np.int32)
    count = 0
    for row in range(ids.size):
        if numbers[ids[row]] < 0:
            numbers[ids[row]] = count
            count += 1
        found[row] = numbers[ids[row]]
    for row in range(ids.size):
        numbers[ids[row]] = -1
    return found, count
