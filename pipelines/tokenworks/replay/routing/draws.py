"""Lots that are drawn by what a request is called, so that order and company change nothing."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

#: Names that are held as bytes at a time.
_AT_ONCE = 1 << 18


def luck(names: pl.Series, seed: int, lever: str) -> Floats:
    """A number in [0, 1) for each name.

    Args:
        names: what each request (or session, or tenant) is called.
        seed: of the scenario.
        lever: levers of one scenario draw independently.

    Returns:
        Equal numbers for equal names, whatever stands beside them. A share s of names lies below
        s, and those below a smaller share lie below a larger one.
    """
    start = np.frombuffer(f"{seed}|{lever}|".encode(), dtype=np.uint8)
    found = np.empty(names.len())
    for at in range(0, names.len(), _AT_ONCE):
        parts = names.slice(at, _AT_ONCE).cast(pl.String).fill_null("").cast(pl.Binary)
        counts = parts.bin.size().cast(pl.Int64).to_numpy()
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
        text = np.frombuffer(b"".join(parts.to_list()), dtype=np.uint8)
        found[at : at + counts.size] = _hashed(text, offsets, start)
    return found


@kernel
def _hashed(text: Bytes, offsets: Ints, start: Bytes) -> Floats:
    """FNV-1a over the bytes, mixed as splitmix64 does; the top 53 bits are the number."""
    result = np.empty(offsets.size - 1)
    prime = np.uint64(0x100000001B3)
    origin = np.uint64(0xCBF29CE484222325)
    for at in range(start.size):
        origin = (origin ^ np.uint64(start[at])) * prime
    for row in range(offsets.size - 1):
        mixed = origin
        for at in range(offsets[row], offsets[row + 1]):
            mixed = (mixed ^ np.uint64(text[at])) * prime
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
        result[row] = np.float64(mixed >> np.uint64(11)) / 9007199254740992.0
    return result
