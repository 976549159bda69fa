"""Which columns of a Parquet file hold samples, and what their labels say.

Belongs here: shapes of tables, and SQL and Python for one row of them. Does not belong here: what
becomes of the rows (`long_parquet.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

from tokenworks_sources.connectors.prometheus.exposition import Series, parse_series

_TIMES = ("timestamp", "timestamp_ms", "time", "ts", "_time", "datetime")
_VALUES = ("value", "_value", "sample_value", "val", "v")
_NAMES = ("__name__", "metric", "metric_name", "name")
_LABELS = ("labels", "tags", "attributes", "metric")
# Labels whose values are numbers, which a table that was once CSV holds as such.
_NUMBERED = frozenset(
    ("le", "engine", "dp_rank", "tp_rank", "pp_rank", "moe_ep_rank", "gpu", "GPU_I_ID", "worker_id")
)


@dataclass(frozen=True)
class Shape:
    """Which columns of a Parquet file say what.

    Attributes:
        time, value: columns of the sample.
        name: column of the metric's name, None where it is a label.
        labels: one column of all labels, None where each has its own.
        label_columns: columns of one label each.
        numbers: those of them that are numbers.
    """

    time: str
    value: str
    name: str | None
    labels: str | None
    label_columns: tuple[str, ...]
    numbers: frozenset[str] = frozenset()


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
    if labels:
        return Shape(time, value, name, labels, ())
    others = [field for field in schema if field.name not in taken]
    numbers = frozenset(
        field.name
        for field in others
        if field.name in _NUMBERED and _is_number(field.type, texts=False)
    )
    texts = tuple(f.name for f in others if f.name in numbers or _is_text(f.type))
    return Shape(time, value, name, labels, texts, numbers)


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


def key_of(shape: Shape) -> str:
    """Name and labels of a row as JSON text; equal text means equal series."""
    parts = [quoted(name) for name in (shape.name, shape.labels) if name is not None]
    names = ["name"] * (shape.name is not None) + ["labels"] * (shape.labels is not None)
    parts += [
        _number_text(name) if name in shape.numbers else quoted(name)
        for name in shape.label_columns
    ]
    names += [f"label {name}" for name in shape.label_columns]
    pairs = ", ".join(f"{quoted(name)} := {part}" for name, part in zip(names, parts, strict=True))
    return f"cast(to_json(struct_pack({pairs})) as varchar)"


def _number_text(name: str) -> str:
    """A label that is a number, as the exporter wrote it: 0, not 0.0; no number is no label."""
    number = f"cast({quoted(name)} as double)"
    return f"""
        case
            when isnan({number}) then null
            when isinf({number}) then '+Inf'
            when {number} = trunc({number}) then cast(cast({number} as bigint) as varchar)
            else cast({number} as varchar)
        end"""


def micros_of(name: str, kind: pa.DataType) -> str:
    """Microseconds since the epoch of a time column, null where it holds no time."""
    column = quoted(name)
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


def series_of(key: str, shape: Shape) -> Series | None:
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


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant in SQL."""
    return "'" + text.replace("'", "''") + "'"
