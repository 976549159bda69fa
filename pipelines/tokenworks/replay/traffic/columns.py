"""Columns of the replayed requests, read when they are asked for and kept by nobody.

A replay of ten million requests has dozens of columns and needs few of them at a time; what it
works with all the time are arrays of its own (`stage.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Rows = NDArray[np.uint32]

#: Rows that are read at a time where all of them pass by: a row group of what is written.
AT_ONCE = 122_880


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

    def slices(self, *columns: str | pl.Expr) -> Iterator[tuple[slice, pl.DataFrame]]:
        """The same piece by piece, with the place of each piece.

        Rows that lie in the table as they arrived are read once; only what lies between the
        first and the last row of a piece is held.
        """
        for start in range(0, self.count, AT_ONCE):
            rows = self.rows[start : start + AT_ONCE]
            low = int(rows.min())
            part = self.table.slice(low, int(rows.max()) - low + 1).select(columns).collect()
            yield slice(start, start + len(rows)), part[rows - np.uint32(low)]


def in_order(table: pl.LazyFrame, kept: pl.Series, order: tuple[str, ...]) -> Columns:
    """The kept rows of a table, sorted.

    Args:
        table: the rows.
        kept: values of the first column of `order`, null for rows that are left out.
        order: columns to sort by; those after the first are read only where it holds ties.
    """
    rows = kept.is_not_null().arg_true()
    moments = kept.gather(rows).to_physical()
    sorted_rows = rows.gather(moments.arg_sort()).to_numpy().astype(np.uint32)
    moments = moments.sort()
    again = (moments == moments.shift(1)).fill_null(value=False)
    tied = (again | again.shift(-1, fill_value=False)).to_numpy()
    if tied.any():
        places = np.sort(sorted_rows[tied])
        found = table.select(order).collect()[places].with_columns(row=pl.Series(places))
        sorted_rows[tied] = found.sort(*order, maintain_order=True)["row"].to_numpy()
    return Columns(table, sorted_rows)
