"""A run of CSV lines as Arrow batches, as `json_columns/batches.py` has them of lines of JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tokenworks_sources.connectors.json_columns.batches import Columns
from tokenworks_sources.connectors.json_columns.found import Found
from tokenworks_sources.connectors.json_columns.shape import (
    NOT_WANTED,
    ROOT,
    Bytes,
    Integers,
    Kind,
    Shape,
)
from tokenworks_sources.connectors.json_columns.texts import LinesError
from tokenworks_sources.machine_code import KeptKernel

COLUMNS_OF_RECORDS = KeptKernel(f"{__package__}.records", "columns_of_records")


class Cells(Columns):
    """Takes lines of CSV apart into the columns of some values.

    Args:
        wanted: kinds of values by the names of the header, or of JSON in cells by paths below them.
        header: the names of all cells, two or more.
        longest: bytes that a line may have.
    """

    def __init__(self, wanted: Mapping[str, Kind], header: Sequence[str], longest: int) -> None:
        super().__init__(wanted)
        self._cells = _cells_of(header, self._shape)
        self._longest = longest

    def _fill(self, found: Found, text: Bytes, place: int, end: int) -> int:
        behind = COLUMNS_OF_RECORDS(
            text, place, end, self._longest, self._cells, self._shape, found
        )
        if behind < 0:
            raise LinesError("a line is too long, or a record takes several")
        return behind


def _cells_of(header: Sequence[str], shape: Shape) -> Integers:
    """The entry of each name, NOT_WANTED where none."""
    entries = {}
    for entry in shape.slots[ROOT][shape.slots[ROOT] != NOT_WANTED].tolist():
        start, length = shape.starts[entry], shape.lengths[entry]
        entries[shape.names[start : start + length].tobytes().decode()] = entry
    return np.array([entries.get(name, NOT_WANTED) for name in header], np.int64)
