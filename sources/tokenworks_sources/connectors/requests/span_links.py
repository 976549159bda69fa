"""Which inference span encloses which, over all spans of a file.

Belongs here: the links alone, 25 bytes for each span of the file (a span takes some 1,000 bytes in the
file itself), so that a file of any size is resolved once it is read.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

_NONE = -1
# A chain this long is a circle.
_DEEPEST = 10_000


class SpanLinks:
    """Every span's own key and its parent's, and whether it became a row."""

    def __init__(self) -> None:
        self._own = array("q")
        self._parents = array("q")
        self._ids = array("Q")
        self._is_row = bytearray()

    def add(
        self, trace_id: str | None, span_id: str | None, parent_id: str | None, is_row: bool
    ) -> None:
        """A span; one without an id is nobody's parent."""
        self._own.append(hash((trace_id, span_id)) if span_id else 0)
        self._parents.append(hash((trace_id, parent_id)) if parent_id else 0)
        self._ids.append(int(span_id, 16) if span_id else 0)
        self._is_row.append(is_row)

    def overrides(self) -> dict[int, str]:
        """Rows whose nearest enclosing row is not their direct parent.

        Returns:
            Number of the row (from 0, in the order of adding) to the span id of the enclosing row.
        """
        is_row = np.frombuffer(self._is_row, np.uint8).astype(bool)
        if not is_row.any():
            return {}
        own = np.frombuffer(self._own, np.int64)
        parents = np.frombuffer(self._parents, np.int64)
        order = np.argsort(own, kind="stable")
        above = _find(own[order], order, parents[is_row])
        moving = np.flatnonzero((above != _NONE) & ~is_row[above])
        found = np.full(len(above), _NONE, np.int64)
        for _ in range(_DEEPEST):
            if not len(moving):
                break
            higher = _find(own[order], order, parents[above[moving]])
            above[moving] = higher
            known = higher != _NONE
            arrived = known & is_row[higher]
            found[moving[arrived]] = higher[arrived]
            moving = moving[known & ~arrived]
        return {
            int(row): f"{self._ids[int(found[row])]:016x}" for row in np.flatnonzero(found != _NONE)
        }


def _find(
    sorted_own: npt.NDArray[np.int64], order: npt.NDArray[np.intp], keys: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Index of the span of each key, -1 where the file does not hold it."""
    places = np.minimum(np.searchsorted(sorted_own, keys), len(sorted_own) - 1)
    is_held = (sorted_own[places] == keys) & (keys != 0)
    return np.where(is_held, order[places], _NONE)
