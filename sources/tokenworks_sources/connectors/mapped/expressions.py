"""From a block of a file's columns to a block of a contract's columns, and what had to be rejected.

Pure: a mapping and a frame in, frames out. A value that is there but cannot be used gives a reason;
a value that is not there stays null.
"""

from __future__ import annotations

import string
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tokenworks_sources.connectors.mapped import times
from tokenworks_sources.connectors.mapped.spec import Mapping, Source
from tokenworks_sources.connectors.mapped.units import factor_of
from tokenworks_sources.contracts.model import Column
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.normalise import pseudonym

# What may never enter the lake as it came, whatever a mapping says.
PRIVATE = frozenset(("user_pseudonym", "api_key_pseudonym", "prompt_fingerprint"))
_OF_ROW = {"line": "source_line", "record": "_record"}
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")
_POWERS = {10**power: power for power in range(1, 10)}
_LIST = r"^\[\s*(?:[-+0-9.eE]+\s*(?:,\s*[-+0-9.eE]+\s*)*)?\]$"


@dataclass(frozen=True)
class Context:
    """What a mapping may use besides the file's columns.

    Attributes:
        placeholders: text of the template placeholders, but for {line}.
        origins: contract column to the microseconds that fall on the anchor.
        anchor: where relative clocks start.
        pseudonym_key: secret of the pseudonyms.
    """

    placeholders: Dictionary[str, str]
    origins: Dictionary[str, int]
    anchor: datetime | None
    pseudonym_key: bytes = b""


@dataclass(frozen=True)
class _Value:
    """A contract column: its expression, what the file gave for it, and the complaint."""

    expression: pl.Expr
    given: pl.Expr
    complaint: str


def mapped(frame: pl.DataFrame, mapping: Mapping, context: Context) -> pl.DataFrame:
    """The contract's columns, `source_line`, `_raw`, and `_reason` where a row is to be rejected."""
    contract = mapping.contract
    sources = dict(mapping.columns)
    if mapping.same_names:
        sources = {**_same_names(frame, mapping), **sources}
    values = {
        name: _value(contract.column(name), source, frame.schema, sources, context)
        for name, source in sources.items()
    }
    typed = frame.select(
        "source_line",
        "_raw",
        *(value.expression.alias(name) for name, value in values.items()),
        *(value.given.is_not_null().alias(f"_given_{name}") for name, value in values.items()),
    )
    reasons = [
        pl.when(pl.col(f"_given_{name}") & pl.col(name).is_null()).then(pl.lit(value.complaint))
        for name, value in values.items()
    ]
    kinds = polars_schema(contract)
    return typed.select(
        "source_line",
        "_raw",
        *(pl.col(name).cast(kinds[name]) for name in values),
        pl.coalesce(reasons).alias("_reason"),
    )


def _same_names(frame: pl.DataFrame, mapping: Mapping) -> dict[str, Source]:
    timed = {
        column.name: "iso" for column in mapping.contract.columns if column.type == "timestamp"
    }
    names = [column.name for column in mapping.contract.columns if column.name in frame.columns]
    return {name: Source.model_validate({"from": name, "time": timed.get(name)}) for name in names}


def _value(
    column: Column,
    source: Source,
    schema: Dictionary[str, pl.DataType],
    sources: Dictionary[str, Source],
    context: Context,
) -> _Value:
    nothing = pl.lit(None, pl.String)
    if any(name not in schema for name in source.columns()):
        return _Value(nothing, nothing, "")  # optional; required columns were found in the header
    if source.constant is not None:
        return _Value(pl.lit(source.constant), nothing, "")
    if source.template is not None:
        return _Value(_templated(source.template, context), nothing, "")
    if source.start is not None and source.plus is not None:
        begin = Column(source.start, "timestamp", "")
        started = _value(begin, sources[source.start], schema, sources, context).expression
        duration = times.microseconds(pl.col(source.plus), schema[source.plus], source.unit or "s")
        later = started + pl.duration(microseconds=duration)
        return _Value(later, pl.col(source.plus), f"{source.plus}: not a duration")
    if source.sum or source.difference:
        return _combined(column, source, schema)
    assert source.source is not None
    return _single(column, source, source.source, schema[source.source], context)


def _templated(template: str, context: Context) -> pl.Expr:
    parts: list[pl.Expr] = []
    for text, name, _, _ in string.Formatter().parse(template):
        parts.append(pl.lit(text))
        if name in _OF_ROW:
            parts.append(pl.col(_OF_ROW[name]).cast(pl.String))
        elif name:
            parts.append(pl.lit(context.placeholders[name]))
    return pl.concat_str(parts)


def _combined(column: Column, source: Source, schema: Dictionary[str, pl.DataType]) -> _Value:
    """A sum or difference; unknown where any part is."""
    names = source.sum or source.difference
    parts = [_scaled(name, schema[name], column, source) for name in names]
    total = parts[0]
    for part in parts[1:]:
        total = total + part if source.sum else total - part
    given = pl.all_horizontal(pl.col(name).is_not_null() for name in names)
    there = pl.when(given).then(pl.lit("given"))
    return _Value(total, there, f"{', '.join(names)}: not numbers")


def _single(
    column: Column, source: Source, name: str, kind: pl.DataType, context: Context
) -> _Value:
    value = pl.col(name)
    if source.values is not None:
        words = value.cast(pl.String).replace_strict(source.values, default=source.otherwise)
        words = pl.when(value.is_not_null()).then(words)
        if column.type == "boolean":
            words = _truth(words)
        words_allowed = ", ".join(source.values)
        return _Value(words, value, f"{name}: not one of {words_allowed}")
    if source.relative is not None:
        offset = times.microseconds(value, kind, source.relative)
        origin = context.origins[column.name]
        assert context.anchor is not None  # the mapping was checked
        placed = times.anchored(offset, origin, context.anchor)
        return _Value(placed, value, f"{name}: not a number of {source.relative}")
    if column.name in PRIVATE:
        return _Value(_pseudonyms(value, context.pseudonym_key), value, f"{name}: not text")
    if column.type in ("timestamp", "date"):
        form = source.time or "iso"
        # A day that stays a day must not move over midnight.
        zone = None if column.type == "date" and kind == pl.Date else source.zone
        return _Value(times.instant(value, kind, form, zone), value, f"{name}: not a time ({form})")
    return _plain(column, source, name, kind)


def _pseudonyms(value: pl.Expr, key: bytes) -> pl.Expr:
    """Keyed pseudonyms, each distinct name hashed once."""

    def hashed(names: pl.Series) -> pl.Series:
        distinct = names.unique().drop_nulls()
        known = {name: pseudonym(name, key) for name in distinct}
        return names.replace_strict(known, default=None, return_dtype=pl.String)

    return value.cast(pl.String).map_batches(hashed, return_dtype=pl.String)


def _plain(column: Column, source: Source, name: str, kind: pl.DataType) -> _Value:
    value = pl.col(name)
    text = value.str.strip_chars() if kind == pl.String else value
    if column.type == "string":
        return _Value(value.cast(pl.String), value, f"{name}: not text")
    if column.type == "boolean":
        return _Value(_truth(text.cast(pl.String)), value, f"{name}: not true or false")
    if column.type.startswith("decimal"):
        return _Value(text.cast(pl.Decimal(38, 12), strict=False), value, f"{name}: not a number")
    if column.type.startswith("list"):
        inner = pl.Int64() if column.type == "list<bigint>" else pl.Float64()
        return _Value(_list(text, kind, inner), value, f"{name}: not a list of numbers")
    whole = column.type == "bigint"
    number = _scaled(name, kind, column, source)
    return _Value(number, value, f"{name}: not a {'whole ' if whole else ''}number")


def _truth(text: pl.Expr) -> pl.Expr:
    word = text.str.to_lowercase()
    return pl.when(word.is_in(TRUE)).then(True).when(word.is_in(FALSE)).then(False)


def _number(value: pl.Expr, kind: pl.DataType, whole: bool) -> pl.Expr:
    text = value.str.strip_chars() if kind == pl.String else value
    number = text.cast(pl.Float64, strict=False)
    if not whole:
        return number
    integral = pl.when(number.is_finite() & (number == number.floor()) & (number.abs() < 2**53))
    rounded = integral.then(number).cast(pl.Int64, strict=False)
    if kind.is_float() or kind.is_decimal():
        return rounded
    return pl.coalesce(text.cast(pl.Int64, strict=False), rounded)


def _scaled(name: str, kind: pl.DataType, column: Column, source: Source) -> pl.Expr:
    """The number of a column in the contract's unit.

    Powers of ten shift the point in the text, so that 148.349 ms is 0.148349 s to the last bit.
    """
    number = _number(pl.col(name), kind, column.type == "bigint")
    if source.unit is None:
        return number
    factor = factor_of(column.unit, source.unit)
    assert factor is not None  # the mapping was checked
    multiplier, divisor = factor
    scaled = number * multiplier if multiplier != 1 else number
    scaled = scaled / divisor if divisor != 1 else scaled
    power = _POWERS.get(multiplier, 0) - _POWERS.get(divisor, 0)
    if kind != pl.String or not power or column.type != "double":
        return scaled
    text = pl.col(name).str.strip_chars()
    shifted = (text + f"e{power}").cast(pl.Float64, strict=False)
    return pl.when(text.str.contains(r"^[-+]?[0-9.]+$")).then(shifted).otherwise(scaled)


def _list(text: pl.Expr, kind: pl.DataType, inner: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.List):
        return text.cast(pl.List(inner), strict=False)
    parts = (
        text.str.strip_chars("[] ")
        .str.split(",")
        .list.eval(pl.element().str.strip_chars().cast(inner, strict=False))
    )
    numbers = pl.when(~parts.list.contains(None)).then(parts)
    empty = text.str.contains(r"^\[\s*\]$")
    return (
        pl.when(empty).then(pl.lit([], pl.List(inner))).when(text.str.contains(_LIST)).then(numbers)
    )
