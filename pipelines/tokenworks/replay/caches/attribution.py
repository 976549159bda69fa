"""Who fills a cache and who profits from it.

A hit block was computed by the last prompt that missed it: that prompt's owner paid for it, the
prompt that hits saves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]

#: Filler of what no prompt of the traffic computed.
NOBODY = -1


@kernel
def filled_by(blocks: Ids, offsets: Ints, runs: Ints, block_count: int) -> Ints:
    """For each access in a leading run of hits the prompt that computed the block.

    Args:
        blocks: dense block ids of all prompts, in order of arrival.
        offsets: start of each prompt in `blocks`, and the end of the last.
        runs: leading run of hits of each prompt.
        block_count: number of distinct ids.

    Returns:
        Number of a prompt, or `NOBODY` where the access is computed anew.
    """
    fillers = np.full(blocks.size, NOBODY, dtype=np.int64)
    last = np.full(block_count, NOBODY, dtype=np.int64)
    for prompt in range(offsets.size - 1):
        start = offsets[prompt]
        for position in range(start, offsets[prompt + 1]):
            if position < start + runs[prompt]:
                fillers[position] = last[blocks[position]]
            else:
                last[blocks[position]] = prompt
    return fillers


@dataclass(frozen=True)
class Shares:
    """What owners gave to each other and to themselves.

    Attributes:
        owners: their names, in order.
        saved: amount by filler (row) and profiter (column).
    """

    owners: tuple[str, ...]
    saved: Ints

    @property
    def filled(self) -> dict[str, int]:
        """What each owner computed that others or itself then reused."""
        return dict(zip(self.owners, self.saved.sum(axis=1).tolist(), strict=True))

    @property
    def profited(self) -> dict[str, int]:
        """What each owner did not have computed."""
        return dict(zip(self.owners, self.saved.sum(axis=0).tolist(), strict=True))


def shares(fillers: Ints, profiters: Ints, amounts: Ints, owners: Ints, names: list[str]) -> Shares:
    """Sum reused amounts by who filled and who profited.

    Args:
        fillers: prompt or request that computed each reused thing; `NOBODY` where none did.
        profiters: prompt or request that reused it.
        amounts: whole amount of each, such as tokens, or 1 per request.
        owners: position in `names` of the owner of each prompt or request.
        names: owners, such as tenants.
    """
    saved = np.zeros((len(names), len(names)), dtype=np.int64)
    reused = fillers != NOBODY
    np.add.at(saved, (owners[fillers[reused]], owners[profiters[reused]]), amounts[reused])
    return Shares(tuple(names), saved)
