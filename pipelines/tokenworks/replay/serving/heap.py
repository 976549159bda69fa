"""A binary heap in two plain arrays: the least key on top, of equal keys the least row number.

Compiled callers keep their own copy of this code in their cache: after a change here, delete
the `__pycache__` folder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import bare_kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@bare_kernel
def _before(keys: Floats, rows: Ints, entry: int, key: float, row: int) -> bool:
    """Whether an entry comes before a key and its row."""
    return bool(keys[entry] < key or (keys[entry] == key and rows[entry] < row))


@bare_kernel
def push_least(keys: Floats, rows: Ints, size: int, key: float, row: int) -> None:
    """Add to a min-heap of `size` entries."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if _before(keys, rows, parent, key, row):
            break
        keys[child] = keys[parent]
        rows[child] = rows[parent]
        child = parent
    keys[child] = key
    rows[child] = row


@bare_kernel
def pop_least(keys: Floats, rows: Ints, size: int) -> None:
    """Remove the smallest of `size` entries."""
    last = size - 1
    key = keys[last]
    row = rows[last]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= last:
            break
        if child + 1 < last and _before(keys, rows, child + 1, keys[child], rows[child]):
            child += 1
        if not _before(keys, rows, child, key, row):
            break
        keys[parent] = keys[child]
        rows[parent] = rows[child]
        parent = child
    keys[parent] = key
    rows[parent] = row
