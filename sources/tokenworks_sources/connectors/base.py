"""What a connector is, and what it may use.

A connector reads one format. It lives in `connectors/<table>/<name>.py`, its docstring says what the
emitter gets wrong, and it hands rows to a `Sink`, which enforces the contract.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import duckdb
import polars as pl


@dataclass(frozen=True)
class LandingFile:
    """A file to read.

    Attributes:
        path: where its bytes lie.
        name: its path relative to the landing folder, which becomes `source_file`.
        digest: what the lake knows it by: its content, and of its path what rows depend on.
        content: digest of its content alone, where that is another.
    """

    path: Path
    name: str
    digest: str
    content: str = ""

    @property
    def content_digest(self) -> str:
        """Digest of its content, the same for a copy that lies elsewhere."""
        return self.content or self.digest


@dataclass(frozen=True)
class Preview:
    """The start of a file, decompressed, for recognition by content.

    Attributes:
        path: where the file lies.
        head: up to 64 KiB of its decompressed bytes.
    """

    path: Path
    head: bytes

    @cached_property
    def text(self) -> str | None:
        """The head as text without a byte order mark; None where it is not text."""
        if b"\x00" in self.head:
            return None
        try:
            return self.head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # A multi-byte character may be cut at the end of the head.
            if error.start > len(self.head) - 4:
                return self.head[: error.start].decode("utf-8-sig")
            return None

    @cached_property
    def first_line(self) -> str:
        """The first line that is not blank, or an empty string."""
        return next((line for line in (self.text or "").splitlines() if line.strip()), "")


class Scratch(Protocol):
    """What readers of any kind may use.

    Attributes:
        pseudonym_key: secret for `normalise.pseudonym`.
        scratch: folder of the home folder for what does not fit in memory; it need not exist, and
            goes when the file has been read.
    """

    @property
    def pseudonym_key(self) -> bytes:
        """Secret of the home folder."""

    @property
    def scratch(self) -> Path:
        """Folder for temporary files."""


class Sink(Scratch, Protocol):
    """Where a connector puts what it read. Every record ends in exactly one call.

    Attributes:
        pseudonym_key: secret for `normalise.pseudonym`.
    """

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Rows of a lake table.

        `frame` holds `source_line` and any of the contract's columns under their names, typed or
        losslessly castable; absent columns are null. Rows that break the contract become rejects.
        Two helper columns are allowed: `_raw` (text of the record, for rejects) and `_records`
        (number of input records that the row stands for, 1 where absent).
        """

    def copy(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        *,
        day: date | None = None,
        in_order: bool = True,
    ) -> int:
        """Rows of a lake table as a DuckDB query with the columns of `write`, streamed to Parquet.

        Args:
            table: the lake table.
            connection: runs the query.
            query: the rows; it must itself drop those that break the contract.
            day: the UTC day that all rows seem to lie on, which saves parting them.
            in_order: rows come by event time, more or less; where not, each part is sorted.

        Returns:
            the number of rows written.
        """

    def copied(self) -> pl.DataFrame:
        """`source_digest` and `source_line` of the rows that the last `copy` wrote."""

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        """A record that cannot be used. `raw` is redacted before it is stored."""

    def skip(self, reason: str, records: int) -> None:
        """Records that are understood and hold nothing for the lake (comments are not records)."""

    def expect(self, records: int) -> None:
        """Records that the file holds, counted apart from the calls above where that is cheap.

        Ingest keeps nothing of the file unless written + rejected + skipped equals the count.
        """

    def note(self, reason: str, number: int = 1) -> None:
        """A remark about the file that is no record, such as what stays unknown in all its rows.

        A stable short text without values, as a reject's reason; it is counted and told.
        """


class Nowhere:
    """A sink that keeps nothing, for a pass that only looks at a file before it is read."""

    pseudonym_key = b""
    # No folder can be made there: who only looks needs none.
    scratch = Path(os.devnull) / "scratch"

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """See `Sink`."""

    def copy(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        *,
        day: date | None = None,
        in_order: bool = True,
    ) -> int:
        """See `Sink`."""
        return 0

    def copied(self) -> pl.DataFrame:
        """See `Sink`."""
        return pl.DataFrame(schema={"source_digest": pl.String, "source_line": pl.Int64})

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        """See `Sink`."""

    def skip(self, reason: str, records: int) -> None:
        """See `Sink`."""

    def expect(self, records: int) -> None:
        """See `Sink`."""

    def note(self, reason: str, number: int = 1) -> None:
        """See `Sink`."""


class Connector(Protocol):
    """One format."""

    @property
    def name(self) -> str:
        """Name of the connector and of its landing folder."""

    @property
    def table(self) -> str:
        """Lake table under whose landing folder its files lie."""

    @property
    def tables(self) -> tuple[str, ...]:
        """All lake tables that it writes."""

    @property
    def version(self) -> str:
        """Changes whenever the same file would give other rows; a change re-ingests."""

    @property
    def summary(self) -> str:
        """One line for `tokenworks connectors`."""

    def recognise(self, preview: Preview) -> str | None:
        """Why the file is of this format, or None where it is not. Must not guess."""

    def read(self, file: LandingFile, sink: Sink) -> None:
        """Hand every record of the file to the sink, in bounded memory.

        Raises LandingFileError where the file as a whole cannot be read.
        """


class BatchSink(Scratch, Protocol):
    """Where a connector puts what it read of many small files at once.

    Files are named by their place in `files`, counted from 0.

    Attributes:
        files: the landing files of the batch.
        pseudonym_key: secret for `normalise.pseudonym`.
    """

    @property
    def files(self) -> Sequence[LandingFile]:
        """The landing files of the batch."""

    def copy(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        *,
        day: date | None = None,
        in_order: bool = True,
    ) -> int:
        """See `Sink.copy`; the query also has the column `_file`, the place of the row's file."""

    def copied(self) -> pl.DataFrame:
        """See `Sink.copied`."""

    def reject(self, file: int, line: int, reason: str, raw: str | bytes) -> None:
        """See `Sink.reject`."""

    def expect(self, file: int, records: int) -> None:
        """See `Sink.expect`."""

    def note(self, file: int, reason: str, number: int = 1) -> None:
        """See `Sink.note`."""


@runtime_checkable
class BatchConnector(Protocol):
    """A connector that reads many small files at the cost of one."""

    def read_batch(self, sink: BatchSink) -> Collection[int]:
        """Hands the records of the batch's files to the sink, all but those that it cannot take.

        Where it raises, nothing of the batch is kept and its files are read one by one.

        Returns:
            the places of the files that must be read one by one.
        """
