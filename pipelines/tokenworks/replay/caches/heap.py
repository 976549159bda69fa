"""A binary heap of whole numbers in one array, the least on top.

Faster than `serving.heap` where a key says by itself what it stands for. Compiled callers keep
their own copy of this code in their cache: after a change here, delete the `__pycache__` folder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]


@kernel
def push_key(heap: Ints, size: int, key: int) -> int:
    """Add to a heap of `size` keys; returns the new size."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent] <= key:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = key
    return size + 1


@kernel
def pop_key(heap: Ints, size: int) -> int:
    """Remove the least of `size` keys; returns the new size."""
    last = size - 1
    key = heap[last]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= last:
            break
        if child + 1 < last and heap[child + 1] < heap[child]:
            child += 1
        if key <= heap[child]:
            break
        heap[parent] = heap[child]
        parent = child
    heap[parent] = key
    return last
