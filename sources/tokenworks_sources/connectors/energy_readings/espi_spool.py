"""Rows that wait on disk, so that a feed larger than memory can be judged once it is whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

Row = tuple[object, ...]

# 64 Ki readings are about 30 MB of Python objects.
SPOOLED_ROWS = 1 << 16

READINGS = pa.schema(
    [
        ("n", pa.int64()),
        ("block", pa.int64()),
        ("position", pa.int64()),
        *((name, pa.string()) for name in ("start", "duration", "value", "cost")),
        *((name, pa.string()) for name in ("quality", "tou", "currency")),
    ]
)
BLOCKS = pa.schema(
    [
        ("n", pa.int64()),
        ("block", pa.int64()),
        ("ref", pa.int64()),
        ("updated", pa.string()),
        ("block_start", pa.string()),
    ]
)


class Spool:
    """A Parquet file that grows by rows; column `n` numbers them from 1."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._flushed = 0
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False)
        self._buffer: list[Row] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush()
        self._writer.close()

    @property
    def rows(self) -> int:
        """Rows added so far."""
        return self._flushed + len(self._buffer)

    def add(self, row: Row) -> None:
        """Adds one row without its number."""
        self._buffer.append(row)
        if len(self._buffer) >= SPOOLED_ROWS:
            self._flush()

    def add_all(self, rows: Iterable[Row]) -> None:
        """Adds rows without their numbers."""
        for row in rows:
            self.add(row)

    def _flush(self) -> None:
        if not self._buffer:
            return
        numbers = pa.array(range(self._flushed + 1, self.rows + 1), pa.int64())
        columns = [
            pa.array(values, kind.type)
            for values, kind in zip(
                zip(*self._buffer, strict=True), list(self._schema)[1:], strict=True
            )
        ]
        self._writer.write_table(pa.Table.from_arrays([numbers, *columns], schema=self._schema))
        self._flushed += len(self._buffer)
        self._buffer.clear()
