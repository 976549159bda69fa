"""Columns of the replayed requests, read when they are asked for and kept by nobody.

A replay of ten million requests has dozens of columns and needs few of them at a time; what it
works with all the time are arrays of its own (`stage.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.spool import room

Ints = NDArray[np.int64]
Rows = NDArray[np.uint32]

#: Rows that are read at a time where all of them pass by: a row group of what is written.
AT_ONCE = 122_880
#: The same where one number of each row is read.
NUMBERS_AT_ONCE = 4 * AT_ONCE


@dataclass(frozen=True)
class Columns:
    """Some rows of a table, in an order of their own.

    Attributes:
        table: all rows of it, in the order of its files.
        rows: places of those that are replayed, in order of arrival.
    """

    table: pl.LazyFrame
    rows: Rows

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Columns:
        """All rows of a frame as they stand."""
        return cls(frame.lazy(), np.arange(frame.height, dtype=np.uint32))

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        """Columns that there are."""
        return self.table.collect_schema().names()

    def select(self, *columns: str | pl.Expr) -> pl.DataFrame:
        """Some columns, or what follows from those of each row; all of them if none is named."""
        return self.table.select(columns or pl.all()).collect()[self.rows]

    def numbers(self, column: pl.Expr, dtype: type[np.generic], *beside: str) -> NDArray[Any]:
        """What follows from each row, as numbers; what is read for it is not held.

        A value that is the same for all rows needs a column beside it.
        """
        found = room(self.count, dtype)
        asked = column.alias("asked")
        for place, part in self.slices(*beside, asked, at_once=NUMBERS_AT_ONCE):
            found[place] = part["asked"].to_numpy()
        return found

    def slices(
        self, *columns: str | pl.Expr, at_once: int = AT_ONCE
    ) -> Iterator[tuple[slice, pl.DataFrame]]:
        """The same piece by piece, with the place of each piece.

        Rows that lie in the table as they arrived are read once; only what lies between the
        first and the last row of a piece is held.
        """
        for start in range(0, self.count, at_once):
            rows = self.rows[start : start + at_once]
            low = int(rows.min())
            part = self.table.slice(low, int(rows.max()) - low + 1).select(columns).collect()
            yield slice(start, start + len(rows)), part[rows - np.uint32(low)]


def in_order(table: pl.LazyFrame, rows: Rows, moments: Ints, order: tuple[str, ...]) -> Columns:
    """Some rows of a table, sorted.

    Args:
        table: the rows.
        rows: places of those that are kept.
        moments: their values of the first column of `order`.
        order: columns to sort by; those after the first are read only where it holds ties.
    """
    if (moments[1:] < moments[:-1]).any():
        by_moment = np.argsort(moments, kind="stable")
        rows, moments = rows[by_moment], moments[by_moment]
    again = np.zeros(len(rows) + 1, dtype=np.bool_)
    again[1:-1] = moments[1:] == moments[:-1]
    tied = again[1:] | again[:-1]
    if tied.any():
        is_tied = pl.col("row").is_in(pl.Series(rows[tied]).implode())
        found = table.select(order).with_row_index("row").filter(is_tied)
        rows = rows.copy()
        rows[tied] = found.collect(engine="streaming").sort(*order, "row")["row"].to_numpy()
    return Columns(table, rows)
