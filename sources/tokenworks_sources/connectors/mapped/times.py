"""Polars expressions for time: text, epochs and relative clocks to naive UTC microseconds.

Fractions beyond microseconds are cut off, not rounded, so that a time never moves into the next day.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from tokenworks_sources.connectors.mapped.spec import strptime_form
from tokenworks_sources.connectors.mapped.units import MICROSECONDS

_ISO = (
    r"^(?<day>\d{4}-\d{2}-\d{2})(?:[T ](?<clock>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?<part>\d{1,12}))?)?"
    r"\s*(?<zone>Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?$"
)
_MICROSECOND = pl.Datetime("us")


def instant(value: pl.Expr, kind: pl.DataType, form: str, zone: str | None) -> pl.Expr:
    """Naive UTC timestamp of a column; null where it is none.

    Args:
        value: the column.
        kind: its type; timestamps of Parquet files need no parsing.
        form: `iso`, `epoch_<unit>`, or a strptime format.
        zone: zone of times and days that name none.
    """
    if isinstance(kind, pl.Datetime):
        aware = (
            value
            if kind.time_zone
            else value.dt.replace_time_zone(zone or "UTC", ambiguous="null", non_existent="null")
        )
        return _naive_utc(aware)
    if kind == pl.Date:
        return _naive_utc(_local(value.cast(_MICROSECOND), zone))
    if form.startswith("epoch_"):
        return microseconds(value, kind, form.removeprefix("epoch_")).cast(_MICROSECOND)
    text = value.cast(pl.String).str.strip_chars()
    if form == "iso":
        return _iso(text, zone)
    form = strptime_form(form)
    parsed = text.str.to_datetime(
        form, strict=False, time_unit="ns", time_zone="UTC" if "%z" in form else None
    )
    aware = parsed if "%z" in form else _local(parsed, zone)
    return _naive_utc(aware)


def _iso(text: pl.Expr, zone: str | None) -> pl.Expr:
    parts = text.str.extract_groups(_ISO)
    clock = parts.struct.field("clock").fill_null("00:00:00")
    whole = pl.when(clock.str.len_chars() == 5).then(clock + ":00").otherwise(clock)
    base = (parts.struct.field("day") + "T" + whole).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us"
    )
    part = parts.struct.field("part").fill_null("0").str.pad_end(6, "0").str.slice(0, 6)
    exact = base + pl.duration(microseconds=part.cast(pl.Int64))
    offset = parts.struct.field("zone")
    digits = offset.str.replace(":", "", literal=True)
    minutes = digits.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(
        3, 2
    ).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(digits.str.starts_with("-")).then(-1).otherwise(1)
    return (
        pl.when(offset.is_null())
        .then(_naive_utc(_local(exact, zone)))
        .when(offset.is_in(["Z", "z", "UTC"]))
        .then(exact)
        .otherwise(exact - pl.duration(minutes=minutes * sign))
    )


def _local(naive: pl.Expr, zone: str | None) -> pl.Expr:
    """A local time that happens twice or never is no time."""
    return naive.dt.replace_time_zone(zone or "UTC", ambiguous="null", non_existent="null")


def _naive_utc(aware: pl.Expr) -> pl.Expr:
    return aware.dt.convert_time_zone("UTC").dt.replace_time_zone(None).dt.cast_time_unit("us")


def microseconds(value: pl.Expr, kind: pl.DataType, unit: str) -> pl.Expr:
    """Whole microseconds of a number in `unit`; exact for integers of any size and for decimals."""
    multiplier, divisor = MICROSECONDS[unit]
    if kind.is_decimal():
        # In two parts, because all digits together could pass those of a decimal.
        below = value.floor()
        part = ((value - below).cast(pl.Decimal(38, 12)) * multiplier).floor()
        whole = below.cast(pl.Int64, strict=False) * multiplier
        return (whole + part.cast(pl.Int64)) // divisor
    text = value.str.strip_chars() if kind == pl.String else value
    whole = text.cast(pl.Int64, strict=False) if not kind.is_float() else pl.lit(None, pl.Int64)
    number = text.cast(pl.Float64, strict=False)
    finite = pl.when(number.is_finite()).then(number)
    exact = whole * multiplier if divisor == 1 else whole // divisor
    return pl.coalesce(exact, (finite * multiplier / divisor).round().cast(pl.Int64, strict=False))


def anchored(offset: pl.Expr, origin: int, anchor: datetime) -> pl.Expr:
    """A relative clock placed on the anchor: `origin` microseconds fall on it."""
    return (offset - origin + _epoch(anchor)).cast(_MICROSECOND)


def _epoch(anchor: datetime) -> int:
    delta = anchor - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
