"""Parquet with one row per sample, as remote-write receivers and notebooks store them, as a dump.

The time is a column named timestamp, time or the like: a timestamp, or a number of seconds,
milli-, micro- or nanoseconds by its magnitude; Prometheus knows UTC alone, so a time without zone is
UTC. The value is a number or its text. The labels are one map, struct, JSON text or list of name and
value, or one text column each; the metric's name is a column or the label `__name__`. `source_line` is
the row; one record is one row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.prometheus.dump import (
    IN_TIME,
    NO_NUMBER,
    NO_TIME,
    Dump,
    database,
)
from tokenworks_sources.connectors.prometheus.exposition import Series, parse_series
from tokenworks_sources.connectors.prometheus.scan import SERIES_LIMIT
from tokenworks_sources.errors import LandingFileError

MAGIC = b"PAR1"
BAD_LABELS = "labels: not readable"
UNWANTED = "unwanted"
_TIMES = ("timestamp", "timestamp_ms", "time", "ts", "_time", "datetime")
_VALUES = ("value", "_value", "sample_value", "val", "v")
_NAMES = ("__name__", "metric", "metric_name", "name")
_LABELS = ("labels", "tags", "attributes", "metric")
_HINT = "Export again with the columns timestamp, value, __name__ and labels."


@dataclass(frozen=True)
class Shape:
    """Which columns of a Parquet file say what.

    Attributes:
        time, value: columns of the sample.
        name: column of the metric's name, None where it is a label.
        labels: one column of all labels, None where each has its own.
        label_columns: columns of one label each.
    """

    time: str
    value: str
    name: str | None
    labels: str | None
    label_columns: tuple[str, ...]


def shape_of(schema: pa.Schema) -> Shape | None:
    """The shape of a schema, None where it is no table of samples."""
    time = _first(
        schema, _TIMES, lambda kind: pt.is_timestamp(kind) or _is_number(kind, texts=False)
    )
    value = _first(schema, _VALUES, _is_number)
    name = _first(schema, _NAMES, _is_text)
    labels = _first(schema, _LABELS, lambda kind: pt.is_nested(kind) or _is_text(kind))
    if labels == name:
        labels = None
    if time is None or value is None or (name is None and labels is None):
        return None
    taken = {time, value, name, labels}
    texts = tuple(f.name for f in schema if f.name not in taken and _is_text(f.type))
    return Shape(time, value, name, labels, () if labels else texts)


def _first(
    schema: pa.Schema, names: tuple[str, ...], fits: Callable[[pa.DataType], bool]
) -> str | None:
    by_name = {field.name: field.type for field in schema}
    return next((name for name in names if name in by_name and fits(by_name[name])), None)


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pt.is_dictionary(kind) else kind
    return bool(pt.is_string(value) or pt.is_large_string(value) or pt.is_string_view(value))


def _is_number(kind: pa.DataType, *, texts: bool = True) -> bool:
    is_number = pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)
    return bool(is_number or (texts and _is_text(kind)))


def read_schema(path: Path) -> pa.Schema | None:
    """The schema of a Parquet file, None where it is none that can be read."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return None


def read_samples(
    file: LandingFile, folder: Path, is_wanted: Callable[[Series], bool], unwanted: str, sink: Sink
) -> Dump:
    """The series that are wanted; the rows of the others are skipped.

    Args:
        file: the Parquet file.
        folder: takes what does not fit into memory.
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
    connection = database(folder)
    try:
        return _read(file, shape, schema, connection, is_wanted, unwanted, sink)
    except duckdb.Error as error:
        raise LandingFileError(
            file.path, "the Parquet file cannot be read.", "Ship it again, whole."
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
            {_key(shape)} as key,
            {_micros(shape.time, schema.field(shape.time).type)} as micros,
            try_cast({_quoted(shape.value)} as double) as value,
            file_row_number + 1 as line
        from read_parquet({_literal(str(file.path))}, file_row_number = true)
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
                when not coalesce({IN_TIME}, false) then {_literal(NO_TIME)}
                when raw.value is null then {_literal(NO_NUMBER)}
            end as reason
        from raw inner join keys using (key)
        """
    )
    bad = f"select line, reason from judged where reason <> {_literal(UNWANTED)}"
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
        series = _series(key, shape)
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


def _key(shape: Shape) -> str:
    """Name and labels of a row as JSON text; equal text means equal series."""
    parts = [_quoted(name) for name in (shape.name, shape.labels) if name is not None]
    names = ["name"] * (shape.name is not None) + ["labels"] * (shape.labels is not None)
    parts += [_quoted(name) for name in shape.label_columns]
    names += [f"label {name}" for name in shape.label_columns]
    pairs = ", ".join(f"{_quoted(name)} := {part}" for name, part in zip(names, parts, strict=True))
    return f"cast(to_json(struct_pack({pairs})) as varchar)"


def _micros(name: str, kind: pa.DataType) -> str:
    column = _quoted(name)
    if pt.is_timestamp(kind):
        return f"epoch_us({column if kind.tz else f'cast({column} as timestamp)'})"
    if pt.is_integer(kind):
        number = f"try_cast({column} as bigint)"
        scaled = "{0} // 1000", "{0}", "{0} * 1000", "{0} * 1000000"
    else:
        number = f"try_cast({column} as double)"
        scaled = "{0} / 1000", "{0}", "{0} * 1000", "{0} * 1000000"
    nano, micro, milli, second = (text.format(number) for text in scaled)
    # isfinite: infinity and NaN are greater than any limit and have no whole number.
    return f"""
        case
            when not isfinite(cast({number} as double)) or abs({number}) >= 9e18 then null
            when abs({number}) >= 1e17 then try_cast(round({nano}) as bigint)
            when abs({number}) >= 1e14 then try_cast(round({micro}) as bigint)
            when abs({number}) >= 1e11 then try_cast(round({milli}) as bigint)
            else try_cast(round({second}) as bigint)
        end"""


def _series(key: str, shape: Shape) -> Series | None:
    """The series of a key, None where its labels cannot be read."""
    try:
        row = json.loads(key)
        labels = _labels(row.get("labels"))
    except (ValueError, RecursionError):
        return None
    if labels is None:
        return None
    labels |= {name: row[f"label {name}"] or "" for name in shape.label_columns}
    name = row.get("name") or labels.get("__name__") or ""
    labels.pop("__name__", None)
    series = parse_series(name)
    if not name or series is None:
        return None
    return Series(
        series.name, {label: text for label, text in labels.items() if text} | series.labels
    )


def _labels(value: object) -> dict[str, str] | None:
    """Labels from a map or struct, a list of names and values, or a text of either."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        return _labels_of_text(value)
    if isinstance(value, list):
        value = _pairs(value)
    if not isinstance(value, dict):
        return None
    texts = {label: text for label, text in value.items() if text is not None}
    return texts if all(isinstance(text, str) for text in texts.values()) else None


def _pairs(items: list[object]) -> dict[object, object] | None:
    found: dict[object, object] = {}
    for item in items:
        values = list(item.values()) if isinstance(item, dict) else item
        if not isinstance(values, list) or len(values) != 2 or not isinstance(values[0], str):
            return None
        found[values[0]] = values[1]
    return found


def _labels_of_text(text: str) -> dict[str, str] | None:
    """JSON, or labels as in the text exposition: `{a="b"}` or `name{a="b"}`."""
    try:
        value = json.loads(text)
    except ValueError:
        name, brace, rest = text.strip().partition("{")
        series = parse_series(f"{name or 'x'}{{{rest}") if brace and rest.endswith("}") else None
        if series is None:
            return None
        return series.labels | ({"__name__": name} if name else {})
    return None if isinstance(value, str) else _labels(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
