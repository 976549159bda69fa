"""Rows of one table on their way to the sink: collected one at a time, or judged as frames."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import polars_schema

BLOCK_ROWS = 20_000

Row = dict[str, object]


class Rows:
    """Collects rows and hands them to the sink in blocks; `close` hands over what is left.

    Args:
        sink: where they go.
        table: lake table that they are of.
        constants: columns that are the same on every row.
    """

    def __init__(
        self, sink: Sink, table: str, constants: Mapping[str, object] | None = None
    ) -> None:
        self._sink = sink
        self._table = table
        self._constants = constants or {}
        self._rows: list[Row] = []
        kinds = polars_schema(contract_of(table))
        self._schema = {
            **{column.name: kinds[column.name] for column in contract_of(table).columns},
            "source_line": pl.Int64(),
            "_raw": pl.String(),
            "_records": pl.Int64(),
        }

    def add(self, line: int, raw: str, row: Mapping[str, object], records: int = 1) -> None:
        """One row.

        Args:
            line: line or number of the record in its file.
            raw: the record without anything that people wrote, for a reject.
            row: values by column; those not named are null.
            records: input records that the row stands for; 0 for one more row of a record.
        """
        own = {"source_line": line, "_raw": raw, "_records": records}
        self._rows.append({**self._constants, **row, **own})
        if len(self._rows) >= BLOCK_ROWS:
            self.close()

    def close(self) -> None:
        """Hands over what has been collected."""
        if not self._rows:
            return
        named = {name for row in self._rows for name in row}
        columns = {
            name: pl.Series(name, [row.get(name) for row in self._rows], kind, strict=True)
            for name, kind in self._schema.items()
            if name in named
        }
        self._sink.write(self._table, pl.DataFrame(columns))
        self._rows.clear()


def hand_over(frame: pl.DataFrame, table: str, sink: Sink) -> None:
    """Writes rows whose `_reason` is null and rejects the others with it and their `_raw`."""
    bad = frame.filter(pl.col("_reason").is_not_null())
    for line, reason, raw in bad.select("source_line", "_reason", "_raw").iter_rows():
        # A Parquet row has no text of its own.
        sink.reject(line, reason, raw or "")
    good = frame.filter(pl.col("_reason").is_null()).drop("_reason")
    if not good.is_empty():
        sink.write(table, good)
