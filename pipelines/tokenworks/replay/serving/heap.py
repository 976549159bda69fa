"""A binary heap in two plain arrays: the least key on top, a row number beside each key.

Compiled callers keep their own copy of this code in their cache: after a change here, delete
the `__pycache__` folder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.jit import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@kernel
def push_least(keys: Floats, rows: Ints, size: int, key: float, row: int) -> None:
    """Add to a min-heap of `size` entries."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] <= key:
            break
        keys[child] = keys[parent]
        rows[child] = rows[parent]
        child = parent
    keys[child] = key
    rows[child] = row


@kernel
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
        if child + 1 < last and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[parent] = keys[child]
        rows[parent] = rows[child]
        parent = child
    keys[parent] = key
    rows[parent] = row
