"""Parts made of other parts, row group by row group: without some files' rows, or several as one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 122_880
BATCH_ROWS = 32_768
DIGEST = "source_digest"


def without_digests(source: Path, target: Path, digests: Collection[str]) -> int:
    """Writes a part without the rows of some landing files; how many rows are left.

    Nothing is written where none is left.
    """
    values = pa.array(sorted(digests), pa.string())
    with pq.ParquetFile(source) as part:
        batches = (
            batch.filter(pc.invert(pc.is_in(batch.column(DIGEST).cast(pa.string()), values)))
            for batch in part.iter_batches(BATCH_ROWS)
        )
        return _write(target, batches, _schema(part))


def merged(sources: Iterable[Path], target: Path, schema: pa.Schema) -> int:
    """Writes several parts as one, in the order given; how many rows it has."""

    def batches() -> Iterator[pa.RecordBatch]:
        for source in sources:
            with pq.ParquetFile(source) as part:
                yield from part.iter_batches(BATCH_ROWS)

    return _write(target, batches(), schema)


def holds_any(source: Path, digests: Collection[str]) -> bool:
    """Whether a part holds rows of one of these landing files."""
    values = pa.array(sorted(digests), pa.string())
    with pq.ParquetFile(source) as part:
        return any(
            pc.any(pc.is_in(batch.column(0).cast(pa.string()), values)).as_py()
            for batch in part.iter_batches(1 << 20, columns=[DIGEST])
        )


def _schema(part: pq.ParquetFile) -> pa.Schema:
    return part.schema_arrow


def _write(target: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
    """Writes batches in row groups of a good size; the file is left out where there is no row."""
    rows = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        waiting_rows = 0
        for batch in batches:
            if batch.num_rows == 0:
                continue
            waiting.append(batch.cast(schema) if batch.schema != schema else batch)
            waiting_rows += batch.num_rows
            if waiting_rows >= ROW_GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting, waiting_rows = [], 0
            rows += batch.num_rows
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema))
    if rows == 0:
        target.unlink()
    return rows
