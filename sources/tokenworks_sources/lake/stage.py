"""The stage of one unit of work: parts and rejects that no reader sees yet.

Belongs here: writing Parquet into the staging folder, shared by all files of the unit. A unit is one
landing file, or a batch of small ones: then each table and date gets one part for all of them.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.contracts.model import PARTITION_COLUMN
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import arrow_schema
from tokenworks_sources.lake.paths import date_of_part, journal_file, staging_folder

# Rows that wait in memory before they become row groups; 200,000 request rows are about 100 MB.
BUFFERED_ROWS = 200_000
BUFFERED_REJECTS = 20_000
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

_REJECT_COLUMNS = {
    name: pl.Int64() if name in ("source_line", "records") else pl.String()
    for name in REJECT_SCHEMA.names
}

RejectRow = dict[str, object]


@dataclass(frozen=True)
class StagedPart:
    """A part that waits for the commit."""

    path: Path
    table: str
    event_date: date


class Stage:
    """Writers of one unit of work, below a folder of its own."""

    def __init__(self, lake: Path, landing_table: str, key: str) -> None:
        self.lake = lake
        self.landing_table = landing_table
        self.key = key
        self.folder = staging_folder(lake, landing_table) / f"{key}-{os.getpid()}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._buffers: dict[tuple[str, date], list[pl.DataFrame]] = defaultdict(list)
        self._buffered = 0
        self._writers: dict[tuple[str, date], pq.ParquetWriter] = {}
        self._rejects: list[RejectRow] = []
        self._reject_writer: pq.ParquetWriter | None = None
        self._copies = 0

    def write(self, table: str, rows: pl.DataFrame) -> None:
        """Rows with the contract's columns and the partition column."""
        for (event_date,), part in rows.group_by(PARTITION_COLUMN, maintain_order=True):
            assert isinstance(event_date, date)
            self._buffers[(table, event_date)].append(part.drop(PARTITION_COLUMN))
        self._buffered += rows.height
        if self._buffered >= BUFFERED_ROWS:
            self._flush()

    def reject(self, rows: list[RejectRow]) -> None:
        """Rejected records."""
        self._rejects += rows
        if len(self._rejects) >= BUFFERED_REJECTS:
            self._flush_rejects()

    def copy_folder(self, table: str) -> Path:
        """A new folder for parts that another writer makes, by table and date."""
        self._copies += 1
        folder = self.folder / f"copy{self._copies:04d}" / table
        folder.mkdir(parents=True)
        return folder

    def close(self) -> list[StagedPart]:
        """Closes all writers and returns the parts in a fixed order."""
        self._flush()
        self._close_writers()
        self._flush_rejects()
        if self._reject_writer is not None:
            self._reject_writer.close()
            self._reject_writer = None
        return [
            StagedPart(path, path.parent.parent.name, date_of_part(path))
            for path in sorted(self.folder.glob(f"*/*/{PARTITION_COLUMN}=*/*.parquet"))
        ]

    @property
    def rejects(self) -> Path | None:
        """The staged file of rejects, if there are any."""
        return self._rejects_path if self._rejects_path.exists() else None

    @property
    def _rejects_path(self) -> Path:
        return self.folder / "rejects.parquet"

    def discard(self) -> None:
        """Removes everything that was staged, and the folders around it where they are empty."""
        # A full disk refuses the footer of a part that is thrown away.
        with suppress(OSError):
            self._close_writers()
            if self._reject_writer is not None:
                self._reject_writer.close()
        # A change that was interrupted needs what was staged; the next process finishes it.
        if not journal_file(self.lake, self.folder).exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            remove_empty(self.folder.parent)

    def _close_writers(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()

    def _flush(self) -> None:
        for (table, event_date), frames in self._buffers.items():
            schema = arrow_schema(contract_of(table))
            key = (table, event_date)
            if key not in self._writers:
                self._writers[key] = self._open(table, event_date, schema)
            self._writers[key].write_table(pl.concat(frames).to_arrow().cast(schema))
        self._buffers.clear()
        self._buffered = 0

    def _open(self, table: str, event_date: date, schema: pa.Schema) -> pq.ParquetWriter:
        if len(self._writers) >= OPEN_FILES:
            self._close_writers()
        folder = self.folder / "rows" / table / f"{PARTITION_COLUMN}={event_date.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in folder.iterdir())
        return pq.ParquetWriter(folder / f"rows-{number:04d}.parquet", schema, compression="zstd")

    def _flush_rejects(self) -> None:
        if not self._rejects:
            return
        if self._reject_writer is None:
            self._reject_writer = pq.ParquetWriter(self._rejects_path, REJECT_SCHEMA)
        # By Polars: pyarrow imports pandas to look at Python objects, which takes a second.
        rows = pl.DataFrame(self._rejects, schema=_REJECT_COLUMNS, infer_schema_length=None)
        self._reject_writer.write_table(rows.to_arrow().cast(REJECT_SCHEMA))
        self._rejects.clear()


def clear_staging(lake: Path, landing_table: str) -> None:
    """Removes what killed processes left; the caller holds `landing_lock` and has called `recover`."""
    folder = staging_folder(lake, landing_table)
    shutil.rmtree(folder, ignore_errors=True)


def remove_empty(folder: Path) -> None:
    """Removes a folder if nothing is in it."""
    # It may be gone, or another unit of work is under way there.
    with suppress(OSError):
        folder.rmdir()
