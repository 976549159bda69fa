"""Records of spend logs as Python's `csv` reads them, one by one: what no faster reader is sure of."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.csv_windows import Cursor
from tokenworks_sources.connectors.requests import litellm_fields, litellm_sql, slices
from tokenworks_sources.connectors.requests.litellm_left import Lines
from tokenworks_sources.connectors.requests.slices import Window
from tokenworks_sources.contracts.requests import CONTRACT


@dataclass(frozen=True)
class Records:
    """Writes and rejects records.

    Attributes:
        file, sink: where records come from and go to.
        connection: the engine.
        names: the header.
    """

    file: LandingFile
    sink: Sink
    connection: duckdb.DuckDBPyConnection
    names: list[str]

    def read(self, cursor: Cursor, last: int) -> None:
        """Reads lines up to one; the last record may take more of them."""
        broken = _Broken(self.sink)
        for block in tabular.csv_records(self.file.path, cursor, self.names, broken, last):
            self.sink.expect(block.height)
            self._read_block(block)

    def read_lines(self, numbers: Lines, texts: Sequence[bytes]) -> int:
        """Reads lines that are a record each, by their numbers in the file; how many were written."""
        # A line behind another has no byte order mark.
        cursor = Cursor(io.BytesIO(b"\n".join(texts)), lines=1)
        places = np.concatenate((np.zeros(2, np.int64), numbers))
        broken = _Placed(self.sink, places)
        written = 0
        for block in tabular.csv_records(
            self.file.path, cursor, self.names, broken, len(texts) + 1
        ):
            lines = pl.Series("source_line", places[block["source_line"].to_numpy()])
            written += self._read_block(block.with_columns(lines))
        return written

    def copy(self, rows: str, window: Window | None = None) -> int:
        """Writes the good ones of these rows, of a window; how many."""
        day = self._day_of(window) if window else None
        good = litellm_sql.good(rows)
        return self.sink.copy(CONTRACT.table, self.connection, good, day=day)

    def _day_of(self, window: Window) -> date | None:
        """The day on which the first and the last record of a window begin, if it is one: a hint."""
        place = self.names.index("startTime")
        lines = (line.decode() for line in slices.ends_of(window))
        try:
            days = {date.fromisoformat(next(csv.reader([line]))[place][:10]) for line in lines}
        except (ValueError, IndexError, StopIteration, csv.Error):
            return None
        return days.pop() if len(days) == 1 else None

    def _read_block(self, block: pl.DataFrame) -> int:
        given = ("source_line", "_raw", *litellm_fields.FIELDS)
        texts = block.select(
            pl.col(name) if name in block.columns else pl.lit(None, pl.String).alias(name)
            for name in given
        )
        self.connection.register("csv_block", texts.to_arrow())
        rows = litellm_sql.request_rows(
            f"select source_line, source_line as _line, 0 as _file, "
            f"'{self.file.digest}' as _digest, {litellm_sql.fields('text')} from csv_block",
            "text",
        )
        written = self.copy(rows)
        if written < block.height:
            rejected = self.connection.execute(
                f"select source_line, r._reason, b._raw from ({rows}) as r join csv_block as b "
                "using (source_line) where r._reason is not null order by 1"
            ).fetchall()
            for line, reason, raw in rejected:
                self.sink.reject(line, reason, raw)
        return written


@dataclass(frozen=True)
class _Broken:
    """Where records go that are none: they are part of the file, too."""

    sink: Sink

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        self.sink.expect(records)
        self.sink.reject(line, reason, raw, records)


@dataclass(frozen=True)
class _Placed:
    """Where they go when they are counted already, and their lines stand elsewhere."""

    sink: Sink
    lines: Lines

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        self.sink.reject(int(self.lines[line]), reason, raw, records)
