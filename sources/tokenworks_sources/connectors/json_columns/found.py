"""What the kernel fills: the values of lines by column and row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tokenworks_sources.connectors.json_columns.shape import Bytes, Integers


class Found(NamedTuple):
    """What the kernel fills, for so many lines as there may be.

    Attributes:
        views: texts by column and row, as Arrow's string views.
        wholes: whole numbers by column and row.
        given: by column and row, whether there is a value.
        lines: the line of each row, counted from 1.
        blank: lines of white space.
        written: JSON without its white space.
        seen: the last line with each entry.
        parents: nodes that are open.
        counts: rows, blank lines, lines, bytes written.
    """

    views: npt.NDArray[np.uint64]
    wholes: Integers
    given: Bytes
    lines: Integers
    blank: Integers
    written: Bytes
    seen: Integers
    parents: Integers
    counts: Integers


# Places in `counts`.
ROWS, BLANK, LINES, WRITTEN = range(4)
