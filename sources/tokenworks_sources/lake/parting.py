"""Rows of a DuckDB query as parts by date.

DuckDB parts rows by itself, but takes twice as long: it writes each column of each date apart, some
15 ms a date. Here its rows come as Arrow batches, wait until there are enough of them, and are written
by pyarrow. No more is held than `BUFFERED_ROWS` and `BUFFERED_BYTES`, whatever the dates.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.arrow import column_of, numbers_of
from tokenworks_sources.contracts.model import PARTITION_COLUMN, Contract
from tokenworks_sources.contracts.render import arrow_schema

BATCH_ROWS = 50_000
BUFFERED_ROWS = 100_000
BUFFERED_BYTES = 1 << 27
# Parts open at once; a system allows 1,024 or so files, and a log may hold years of days.
OPEN_PARTS = 128
MOST_THREADS = 16
# A batch that changes its date more often is sorted by it.
MOST_RUNS = 256
# A text of which so many rows hold so few values is written as numbers of a dictionary.
SAMPLE_ROWS = 2_000
FEW_VALUES = 200
_EPOCH = datetime(1970, 1, 1)
# What pyarrow says of an error of DuckDB on the way, and what it was.
_ERRORS: dict[str, type[duckdb.Error]] = {
    "Invalid Input Error": duckdb.InvalidInputException,
    "Out of Memory Error": duckdb.OutOfMemoryException,
    "IO Error": duckdb.IOException,
}

# Rows, the first and the last event time, and the dates.
Span = tuple[int, datetime, datetime, set[date]]


def write_parts(
    contract: Contract, connection: duckdb.DuckDBPyConnection, query: str, folder: Path
) -> Span:
    """Streams rows to a part for each date; how many, first and last event time, and dates.

    Args:
        contract: the table's contract.
        connection: runs the query.
        query: the contract's columns, then the partition column.
        folder: parts are written to `event_date=<date>` below it.

    Raises:
        duckdb.Error: the query failed; what lies in the folder is to be thrown away.
    """
    parts = _Parts(contract, folder)
    number, seen = 0, list[Any]()
    try:
        for batch in _batches(connection, query):
            parts.add(batch)
            number += batch.num_rows
            times = batch.column(contract.event_time)
            order = numbers_of(times)
            seen += [times[int(place)].as_py() for place in (order.argmin(), order.argmax())]
        parts.flush()
    finally:
        parts.close()
    return number, min(seen, default=datetime.min), max(seen, default=datetime.min), parts.dates


def _batches(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    reader = connection.sql(query).to_arrow_reader(BATCH_ROWS)
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:
            kind = _ERRORS.get(str(error).partition(":")[0], duckdb.Error)
            raise kind(str(error)) from error
        if batch.num_rows:
            yield batch


class _Parts:
    """Rows that wait, and parts that are open."""

    def __init__(self, contract: Contract, folder: Path) -> None:
        self.dates: set[date] = set()
        self._schema = arrow_schema(contract)
        self._folder = folder
        self._waiting: dict[date, list[pa.RecordBatch]] = defaultdict(list)
        self._waiting_rows = self._waiting_bytes = 0
        self._writers: dict[date, pq.ParquetWriter] = {}
        # One part a thread, while the query goes on: it takes neither of them all the time.
        self._threads = ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS))
        self._written: list[Future[None]] = []
        self._few: list[str] | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Rows of any dates."""
        for day, rows in _by_date(batch):
            self._waiting[day].append(rows)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes
        if self._waiting_rows >= BUFFERED_ROWS or self._waiting_bytes >= BUFFERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Begins to write what waits, in one row group a date, once what waited before is written."""
        self._finish()
        for day, batches in self._waiting.items():
            columns = pa.Table.from_batches(batches).columns
            rows = pa.Table.from_arrays(columns, schema=self._schema)
            writer = self._writer(day, rows)
            self._written.append(self._threads.submit(writer.write_table, rows))
            self.dates.add(day)
        self._waiting.clear()
        self._waiting_rows = self._waiting_bytes = 0

    def close(self) -> None:
        """Ends all parts."""
        try:
            self._finish()
        finally:
            self._threads.shutdown()
            self._end_parts()

    def _finish(self) -> None:
        while self._written:
            self._written.pop().result()

    def _end_parts(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()

    def _writer(self, day: date, rows: pa.Table) -> pq.ParquetWriter:
        if day not in self._writers:
            if len(self._writers) >= OPEN_PARTS:
                self._finish()
                self._end_parts()
            if self._few is None:
                self._few = _of_few_values(rows)
            folder = self._folder / f"{PARTITION_COLUMN}={day.isoformat()}"
            folder.mkdir(exist_ok=True)
            number = sum(1 for _ in folder.iterdir())
            self._writers[day] = pq.ParquetWriter(
                folder / f"data_{number}.parquet",
                self._schema,
                compression="zstd",
                use_dictionary=self._few or False,
            )
        return self._writers[day]


def _by_date(batch: pa.RecordBatch) -> Iterator[tuple[date, pa.RecordBatch]]:
    """The rows of a batch in runs of one date, without it."""
    days = numbers_of(batch.column(PARTITION_COLUMN))
    turns = np.flatnonzero(days[1:] != days[:-1]) + 1
    if len(turns) >= MOST_RUNS:
        order = np.argsort(days, kind="stable")
        batch, days = batch.take(column_of(order)), days[order]
        turns = np.flatnonzero(days[1:] != days[:-1]) + 1
    rows = batch.drop_columns([PARTITION_COLUMN])
    for begin, end in zip((0, *turns), (*turns, len(days)), strict=True):
        day = (_EPOCH + timedelta(days=int(days[begin]))).date()
        yield day, rows.slice(begin, end - begin)


def _of_few_values(rows: pa.Table) -> list[str]:
    """Texts that repeat themselves, as far as the first rows show."""
    sample = pl.DataFrame(rows.slice(0, SAMPLE_ROWS)).select(pl.col(pl.String).n_unique())
    return [name for name, values in sample.row(0, named=True).items() if values <= FEW_VALUES]
