"""Parquet with one row per sample, as remote-write receivers and notebooks store them, as a dump.

The time is a column named timestamp, time or the like: a timestamp, or a number of seconds,
milli-, micro- or nanoseconds by its magnitude; Prometheus knows UTC alone, so a time without zone is
UTC. The value is a number or its text. The labels are one map, struct, JSON text or list of name and
value, or one text column each (engines, ranks, GPUs and bounds may be numbers, as pandas makes them of
CSV); the metric's name is a column or the label `__name__`. `source_line` is
the row; one record is one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.prometheus.dump import (
    IN_TIME,
    NO_NUMBER,
    NO_TIME,
    Dump,
    room,
)
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.long_shape import (
    Shape,
    key_of,
    literal,
    micros_of,
    quoted,
    series_of,
    shape_of,
)
from tokenworks_sources.connectors.prometheus.scan import SERIES_LIMIT
from tokenworks_sources.errors import LandingFileError

MAGIC = b"PAR1"
BAD_LABELS = "labels: not readable"
UNWANTED = "unwanted"
_HINT = "Export again with the columns timestamp, value, __name__ and labels."


def read_schema(path: Path) -> pa.Schema | None:
    """The schema of a Parquet file, None where it is none that can be read."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return None


@contextmanager
def read_samples(
    file: LandingFile, is_wanted: Callable[[Series], bool], unwanted: str, sink: Sink
) -> Iterator[Dump]:
    """The series that are wanted; the rows of the others are skipped.

    Args:
        file: the Parquet file.
        is_wanted: whether a series may be of use.
        unwanted: reason of the skipped ones.
        sink: is told of what is not in the dump.

    Raises:
        LandingFileError: the file is damaged or no table of samples.
    """
    schema = read_schema(file.path)
    if schema is None:
        raise LandingFileError(file.path, "the Parquet file is damaged.", "Ship it again, whole.")
    shape = shape_of(schema)
    if shape is None:
        raise LandingFileError(file.path, "the Parquet file is no table of samples.", _HINT)
    try:
        with room(sink.scratch) as (connection, _):
            yield _read(file, shape, schema, connection, is_wanted, unwanted, sink)
    except duckdb.Error as error:
        raise LandingFileError(
            file.path,
            f"the Parquet file cannot be read ({type(error).__name__}).",
            "Ship it again, whole.",
        ) from error


def _read(
    file: LandingFile,
    shape: Shape,
    schema: pa.Schema,
    connection: duckdb.DuckDBPyConnection,
    is_wanted: Callable[[Series], bool],
    unwanted: str,
    sink: Sink,
) -> Dump:
    connection.execute(
        f"""
        create view raw as
        select
            {key_of(shape)} as key,
            {micros_of(shape.time, schema.field(shape.time).type)} as micros,
            try_cast({quoted(shape.value)} as double) as value,
            file_row_number + 1 as line
        from read_parquet({literal(str(file.path))}, file_row_number = true)
        """
    )
    keys = _keys(file, connection, shape, is_wanted)
    connection.register("keys", keys.table())
    for reason, rows in _rows(
        connection,
        "select keys.reason, count(*) from raw inner join keys using (key) group by keys.reason",
    ):
        sink.expect(rows)
        if reason == UNWANTED:
            sink.skip(unwanted, rows)
    connection.execute(
        f"""
        create view judged as
        select
            raw.line,
            keys.series,
            raw.micros,
            raw.value,
            case
                when keys.reason is not null then keys.reason
                when not coalesce({IN_TIME}, false) then {literal(NO_TIME)}
                when raw.value is null then {literal(NO_NUMBER)}
            end as reason
        from raw inner join keys using (key)
        """
    )
    bad = f"select line, reason from judged where reason <> {literal(UNWANTED)}"
    for line, reason in _rows(connection, bad):
        sink.reject(line, reason, "")
    connection.execute("create view samples as select * from judged where reason is null")
    return Dump(keys.series, connection)


@dataclass
class _Keys:
    """The distinct labels of a file.

    Attributes:
        series: those that are wanted, by number.
        keys, numbers, reasons: of all, in step: the text, its number, why it has none.
    """

    series: list[Series] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)

    def add(self, key: str, series: Series | None, *, is_wanted: bool) -> None:
        """One set of labels."""
        self.keys.append(key)
        is_used = series is not None and is_wanted
        self.numbers.append(len(self.series) if is_used else None)
        self.reasons.append(None if is_used else BAD_LABELS if series is None else UNWANTED)
        if series is not None and is_wanted:
            self.series.append(series)

    def table(self) -> pa.Table:
        """The same for a join."""
        return pa.table(
            {
                "key": pa.array(self.keys, pa.string()),
                "series": pa.array(self.numbers, pa.int32()),
                "reason": pa.array(self.reasons, pa.string()),
            }
        )


def _keys(
    file: LandingFile,
    connection: duckdb.DuckDBPyConnection,
    shape: Shape,
    is_wanted: Callable[[Series], bool],
) -> _Keys:
    keys = _Keys()
    for (key,) in _rows(connection, "select distinct key from raw order by key"):
        series = series_of(key, shape)
        keys.add(key, series, is_wanted=series is not None and is_wanted(series))
        if len(keys.keys) > SERIES_LIMIT:
            raise LandingFileError(
                file.path,
                f"more than {SERIES_LIMIT:,} distinct series.",
                "Is a label unique per request? Export fewer series at a time.",
            )
    return keys


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    connection.execute(query)
    while rows := connection.fetchmany(10_000):
        yield from rows
