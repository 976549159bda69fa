"""Rows of one table, handed to the sink in blocks."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import polars_schema

BLOCK_ROWS = 20_000


class Rows:
    """Collects rows; `close` hands over what is left.

    Args:
        sink: where they go.
        table: lake table that they are of.
        constants: columns that are the same on every row.
    """

    def __init__(self, sink: Sink, table: str, constants: Mapping[str, object]) -> None:
        self._sink = sink
        self._table = table
        self._constants = constants
        self._rows: list[Mapping[str, object]] = []
        columns = [column.name for column in contract_of(table).columns]
        kinds = polars_schema(contract_of(table))
        self._schema = {
            **{name: kinds[name] for name in columns},
            "source_line": pl.Int64(),
            "_raw": pl.String(),
        }

    def add(self, line: int, raw: str, row: Mapping[str, object]) -> None:
        """One row.

        Args:
            line: line or number of the record in its file.
            raw: the record without anything that people wrote, for a reject.
            row: values by column; those not named are null.
        """
        self._rows.append({**self._constants, **row, "source_line": line, "_raw": raw})
        if len(self._rows) >= BLOCK_ROWS:
            self.close()

    def close(self) -> None:
        """Hands over what has been collected."""
        if not self._rows:
            return
        named = {name for row in self._rows for name in row}
        schema = {name: kind for name, kind in self._schema.items() if name in named}
        self._sink.write(self._table, pl.DataFrame(self._rows, schema=schema, strict=True))
        self._rows.clear()
