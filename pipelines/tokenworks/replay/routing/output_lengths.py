"""How much another tier would have written: its own distribution, at each request's own rank.

A smaller model writes more or less than a larger one, so keeping recorded lengths understates what
a route changes. A request whose output is at rank u among its tier's outputs for inputs of such a
length gets the output at rank u among those of the target's tier. Nothing is drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Fewer recorded outputs than this are no distribution.
LEAST_ROWS = 30
SAID = (
    "Requests that another tier answers take the output length at their own rank among that "
    "tier's recorded outputs for inputs of such a length. Those recorded outputs answer the "
    "requests that the tier was given, which may be easier or harder ones."
)


def as_written_by(
    outputs: Ints, inputs: Ints, tiers: tuple[Ints, Ints], names: tuple[str, ...]
) -> Ints:
    """Output lengths under a route.

    Args:
        outputs: recorded output tokens.
        inputs: input tokens.
        tiers: position of the tier that served each request, and of the one that will.
        names: name of each tier.

    Returns:
        Output tokens: as recorded where the tier stays, or where nothing was written; else the
        target's at the same rank, at least 1.
    """
    found = outputs.copy()
    before, after = tiers
    size = _input_class(inputs)
    written = outputs > 0
    for target in np.unique(after[after != before]):
        for origin in np.unique(before[(after == target) & (before != target)]):
            own, theirs = written & (before == origin), written & (before == target)
            _check(int(theirs.sum()), names[target])
            moved = own & (after == target)
            for one in np.unique(size[moved]):
                inside = size == one
                rows = np.flatnonzero(moved & inside)
                alike = theirs & inside
                enough = min(int(alike.sum()), int((own & inside).sum())) >= LEAST_ROWS
                ranked = (own & inside, alike) if enough else (own, theirs)
                found[rows] = _at_same_rank(outputs[rows], *(outputs[rank] for rank in ranked))
    return found


def _input_class(inputs: Ints) -> Ints:
    """Inputs of one class differ by less than a factor of four."""
    classes: Ints = (np.log2(np.maximum(inputs, 1)) // 2).astype(np.int64)
    return classes


def _check(rows: int, name: str) -> None:
    if rows < LEAST_ROWS:
        raise LeverRefusedError(
            "routing.output_tokens",
            f"tier {name} has {rows} recorded outputs; its distribution takes {LEAST_ROWS}.",
            "Use a longer window, or output_tokens: recorded.",
        )


def _at_same_rank(lengths: Ints, own: Ints, theirs: Ints) -> Ints:
    """Lengths at the same rank of another sample; ties share their middle rank."""
    ordered = np.sort(own)
    below = np.searchsorted(ordered, lengths, side="left")
    upto = np.searchsorted(ordered, lengths, side="right")
    ranks = (below + upto) / (2 * ordered.size)
    targets = np.quantile(theirs, ranks, method="hazen")
    rounded: Ints = np.maximum(np.rint(targets), 1).astype(np.int64)
    return rounded
