"""Where the benchmarks' connectors put what they read: counted, and one Parquet file without partitions."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl


class CountingSink:
    """A sink that counts; what DuckDB copies lands in one Parquet file.

    Attributes:
        rows: rows written.
        records: records of the file that ended in a call.
        expected: records that the file is said to hold.
    """

    pseudonym_key = b"benchmark secret"

    def __init__(self, folder: Path) -> None:
        self.target, self.scratch = folder / "out.parquet", folder / "scratch"
        self.rows = self.records = self.expected = 0

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """See `Sink`."""
        self.rows += frame.height
        self.records += sum(frame["_records"]) if "_records" in frame.columns else frame.height

    def copy(
        self, table: str, connection: duckdb.DuckDBPyConnection, query: str, **more: object
    ) -> int:
        """See `Sink`."""
        rows = to_parquet(connection, query, self.target)
        self.rows += rows
        self.records += rows
        return rows

    def copied(self) -> pl.DataFrame:
        """See `Sink`; unused here."""
        return pl.DataFrame()

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        """See `Sink`."""
        self.records += records

    def skip(self, reason: str, records: int) -> None:
        """See `Sink`."""
        self.records += records

    def expect(self, records: int) -> None:
        """See `Sink`."""
        self.expected += records

    def note(self, reason: str, number: int = 1) -> None:
        """See `Sink`; unused here."""


def to_parquet(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> int:
    """Rows of a query, written as ingest writes its parts."""
    counted = connection.execute(
        f"copy ({query}) to '{target}' (format parquet, compression zstd, compression_level 1)"
    ).fetchall()
    return int(counted[0][0])
