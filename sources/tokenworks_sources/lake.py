"""The lake: typed Parquet by event date, written beside and renamed, manifest last.

Belongs here: paths inside the lake, enforcement of contracts on write, and the commit of one landing
file. What a file means belongs to its connector; which files to read belongs to `ingest.py`.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.contracts.enforce import conform
from tokenworks_sources.contracts.model import PARTITION_COLUMN, Contract
from tokenworks_sources.contracts.registry import CONTRACTS, contract_of
from tokenworks_sources.contracts.render import arrow_schema
from tokenworks_sources.errors import ContractError
from tokenworks_sources.normalise import pseudonym_key, redact
from tokenworks_sources.settings import Settings

# Rows that wait in memory before they become row groups; 200,000 request rows are about 100 MB.
BUFFERED_ROWS = 200_000
# Parts open at once; a system allows 1,024 or so, and a file may hold years of days.
OPEN_FILES = 128

REJECT_SCHEMA = pa.schema(
    [
        pa.field("source_file", pa.string()),
        pa.field("source_line", pa.int64()),
        pa.field("source_digest", pa.string()),
        pa.field("connector", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("raw", pa.string()),
        pa.field("records", pa.int64()),
    ]
)


def partition_folder(lake: Path, table: str, event_date: date) -> Path:
    """Folder of one table and date."""
    return lake / table / f"{PARTITION_COLUMN}={event_date.isoformat()}"


def partition_files(lake: Path, table: str) -> list[Path]:
    """All Parquet parts of a table, sorted."""
    return sorted((lake / table).glob(f"{PARTITION_COLUMN}=*/*.parquet"))


def rejects_file(lake: Path, landing_table: str, digest: str) -> Path:
    """Rejects of one landing file."""
    return lake / "_rejects" / landing_table / f"{digest}.parquet"


def ensure_tables(lake: Path) -> None:
    """A zero-row part for every table, so that readers see its columns before data arrives."""
    for contract in CONTRACTS.values():
        path = partition_folder(lake, contract.table, date(1970, 1, 1)) / "_empty.parquet"
        schema = arrow_schema(contract)
        if path.exists() and pq.read_schema(path).equals(schema, check_metadata=True):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}.next")
        pq.write_table(pa.Table.from_batches([], schema), beside)
        os.replace(beside, path)


@dataclass
class TableTally:
    """What one landing file gave to one table."""

    rows: int = 0
    min_event_time: datetime | date | None = None
    max_event_time: datetime | date | None = None
    event_dates: set[date] = field(default_factory=set)

    def add(self, rows: int, low: datetime | date, high: datetime | date) -> None:
        """Counts rows with their first and last event time."""
        self.rows += rows
        known = self.min_event_time
        self.min_event_time = low if known is None else min(known, low)
        known = self.max_event_time
        self.max_event_time = high if known is None else max(known, high)


class LakeSink:
    """The `Sink` of one landing file: conforms rows, stages parts, counts every record.

    Nothing is visible in the lake until `ingest` commits the staged parts.
    """

    def __init__(
        self, settings: Settings, file: LandingFile, connector: str, landing_table: str
    ) -> None:
        self.settings = settings
        self.file = file
        self.connector = connector
        self.landing_table = landing_table
        self.staging = settings.lake / "_staging" / f"{file.digest}-{os.getpid()}"
        # What a killed process left of this file; its lock is ours now.
        for left in self.staging.parent.glob(f"{file.digest}-*"):
            shutil.rmtree(left, ignore_errors=True)
        self.staging.mkdir(parents=True)
        self.tallies: dict[str, TableTally] = defaultdict(TableTally)
        self.rejected: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.records_out = 0
        self.expected: int | None = None
        self._buffers: dict[tuple[str, date], list[pl.DataFrame]] = defaultdict(list)
        self._buffered = 0
        self._writers: dict[tuple[str, date], pq.ParquetWriter] = {}
        self._reject_rows: list[dict[str, object]] = []
        self._reject_writer: pq.ParquetWriter | None = None
        self._copies = 0

    # -- what connectors call ---------------------------------------------------------------

    @cached_property
    def pseudonym_key(self) -> bytes:
        """See `Sink.pseudonym_key`."""
        return pseudonym_key(self.settings)

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """See `Sink.write`."""
        contract = contract_of(table)
        rows, rejects = conform(contract, frame, self.file)
        for line, reason, raw, records in rejects.iter_rows():
            self.reject(line, reason, raw or "", records)
        if rows.is_empty():
            return
        self.records_out += int(rows["_records"].sum())
        event_times = rows[contract.event_time]
        low, high = event_times.min(), event_times.max()
        self.tallies[table].add(rows.height, low, high)  # type: ignore[arg-type]
        rows = rows.drop("_records")
        for (event_date,), part in rows.group_by(PARTITION_COLUMN, maintain_order=True):
            assert isinstance(event_date, date)
            self._buffers[(table, event_date)].append(part.drop(PARTITION_COLUMN))
        self._buffered += rows.height
        if self._buffered >= BUFFERED_ROWS:
            self._flush()

    def copy(self, table: str, connection: duckdb.DuckDBPyConnection, query: str) -> int:
        """See `Sink.copy`."""
        contract = contract_of(table)
        self._copies += 1
        folder = self.staging / f"copy{self._copies}" / table
        folder.mkdir(parents=True)
        try:
            counted = connection.execute(self._copy_statement(contract, query, folder)).fetchone()
        except duckdb.Error:
            # The connector may read the file another way; nothing of this try may land.
            shutil.rmtree(folder)
            raise
        rows = int(counted[0]) if counted else 0
        if rows == 0:
            return 0
        pattern = [str(path) for path in folder.glob("*/*.parquet")]
        span = connection.execute(
            f"select min({contract.event_time}), max({contract.event_time}) from read_parquet(?)",
            [pattern],
        ).fetchone()
        assert span is not None
        self.tallies[table].add(rows, span[0], span[1])
        self.records_out += rows
        return rows

    def _copy_statement(self, contract: Contract, query: str, folder: Path) -> str:
        provenance = {
            "source_file": _literal(self.file.name),
            "source_digest": _literal(self.file.digest),
        }
        columns = ", ".join(
            f"{provenance[column.name]} as {column.name}"
            if column.name in provenance
            else column.name
            for column in contract.all_columns
        )
        # The Arrow schema travels as file metadata: DuckDB writes none for fields.
        schema = base64.b64encode(arrow_schema(contract).serialize().to_pybytes()).decode()
        return (
            f"copy (select {columns}, cast({contract.event_time} as date) as {PARTITION_COLUMN} "
            f"from ({query})) to {_literal(str(folder))} "
            f"(format parquet, compression zstd, compression_level 1, partition_by ({PARTITION_COLUMN}), "
            f"kv_metadata {{'ARROW:schema': '{schema}'}})"
        )

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        """See `Sink.reject`."""
        self.rejected[reason] += records
        self._reject_rows.append(
            {
                "source_file": self.file.name,
                "source_line": line,
                "source_digest": self.file.digest,
                "connector": self.connector,
                "reason": reason,
                "raw": redact(raw),
                "records": records,
            }
        )
        if len(self._reject_rows) >= 20_000:
            self._flush_rejects()

    def skip(self, reason: str, records: int) -> None:
        """See `Sink.skip`."""
        if records:
            self.skipped[reason] += records

    def expect(self, records: int) -> None:
        """See `Sink.expect`."""
        self.expected = (self.expected or 0) + records

    # -- what ingest calls ------------------------------------------------------------------

    @property
    def records_in(self) -> int:
        """Records that the sink was told of, one way or another."""
        return self.records_out + self.rejected.total() + self.skipped.total()

    def close(self) -> list[tuple[Path, str, date]]:
        """Closes all parts and returns (staged file, table, event date) in a fixed order."""
        self._flush()
        for writer in self._writers.values():
            writer.close()
        self._flush_rejects()
        if self._reject_writer is not None:
            self._reject_writer.close()
        if self.expected is not None and self.expected != self.records_in:
            raise ContractError(
                f"{self.file.name}: {self.expected} records were read, but {self.records_out} "
                f"written + {self.rejected.total()} rejected + {self.skipped.total()} skipped = "
                f"{self.records_in}. Nothing of this file was kept; this is a fault of connector "
                f"{self.connector}."
            )
        staged = []
        for path in sorted(self.staging.glob(f"*/*/{PARTITION_COLUMN}=*/*.parquet")):
            event_date = date.fromisoformat(path.parent.name.split("=", 1)[1])
            table = path.parent.parent.name
            self.tallies[table].event_dates.add(event_date)
            staged.append((path, table, event_date))
        return staged

    @property
    def staged_rejects(self) -> Path | None:
        """The staged file of rejects, if there were any."""
        path = self.staging / "rejects.parquet"
        return path if path.exists() else None

    def discard(self) -> None:
        """Removes everything that was staged."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        if self._reject_writer is not None:
            self._reject_writer.close()
        shutil.rmtree(self.staging, ignore_errors=True)

    def _flush(self) -> None:
        for (table, event_date), frames in self._buffers.items():
            schema = arrow_schema(contract_of(table))
            key = (table, event_date)
            if key not in self._writers:
                self._writers[key] = self._open(table, event_date, schema)
            self._writers[key].write_table(_arrow(pl.concat(frames), schema))
        self._buffers.clear()
        self._buffered = 0

    def _open(self, table: str, event_date: date, schema: pa.Schema) -> pq.ParquetWriter:
        if len(self._writers) >= OPEN_FILES:
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()
        folder = partition_folder(self.staging / "rows", table, event_date)
        folder.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in folder.iterdir())
        return pq.ParquetWriter(folder / f"rows-{number:04d}.parquet", schema, compression="zstd")

    def _flush_rejects(self) -> None:
        if not self._reject_rows:
            return
        if self._reject_writer is None:
            self._reject_writer = pq.ParquetWriter(self.staging / "rejects.parquet", REJECT_SCHEMA)
        self._reject_writer.write_table(pa.Table.from_pylist(self._reject_rows, REJECT_SCHEMA))
        self._reject_rows.clear()


def _arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    return frame.to_arrow().cast(schema)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
