"""Lists of ids in use order, as two neighbours per id in one array.

Column 0 holds the newer neighbour, column 1 the older one. A list's head is a row behind the ids:
its older neighbour is the newest id, its newer one the oldest. Compiled callers keep their own
copy of this code in their cache: after a change here, delete the `__pycache__` folder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Ids = NDArray[np.int32]

#: Neighbour of an id that is in no list.
LOOSE = -1


@kernel
def empty_lists(ids: int, lists: int) -> Ids:
    """Room for ids, all loose, and the heads of empty lists behind them."""
    links = np.full((ids + lists, 2), LOOSE, dtype=np.int32)
    for head in range(ids, ids + lists):
        links[head, 0] = head
        links[head, 1] = head
    return links


@kernel
def unlink(links: Ids, one: int) -> None:
    """Take an id out of its list."""
    links[links[one, 0], 1] = links[one, 1]
    links[links[one, 1], 0] = links[one, 0]
    links[one, 0] = LOOSE


@kernel
def link_newest(links: Ids, head: int, one: int) -> None:
    """Make a loose id the newest of a list."""
    first = links[head, 1]
    links[one, 0] = head
    links[one, 1] = first
    links[first, 0] = one
    links[head, 1] = one
