"""Values of export records as the lake's types: the same text, number or time however it is written.

CSV writes everything as text, JSON writes 64-bit counts as text, Parquet has types of its own. None is
absent. Every error is a `FieldError` whose text is a reject reason and quotes no value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation

from tokenworks_sources.connectors.requests import exports
from tokenworks_sources.connectors.requests.values import FieldError, money_of

_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,12}))?\s*"
    r"(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
# 26 digits before the point, 12 behind it, and room for a division.
_DIGITS = Context(prec=64)
_LARGEST_EXPONENT = 40
_LONGEST_NUMBER = 64


def text(value: object) -> str | None:
    """Text without white space around it; None where nothing is left or it is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 1 << 64 else None
    return (value.strip() or None) if isinstance(value, str) else None


def instant(fields: Mapping[str, object], name: str) -> datetime | None:
    """Naive UTC; a time that names no zone is UTC, and what is finer than a microsecond is cut off.

    Raises:
        FieldError: it is no time.
    """
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    # Some spreadsheets of Langfuse quote the JSON of a date once more.
    written = (text(value) or "").strip('"').strip()
    if not written:
        return None
    try:
        return _parsed(written)
    except (ValueError, OverflowError) as error:
        raise FieldError(f"{name}: not a timestamp") from error


def _parsed(written: str) -> datetime:
    match = _TIME.fullmatch(written)
    if match is None:
        raise ValueError
    day, clock, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}")
    moment += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
    if zone is None or zone in ("Z", "z", "UTC"):
        return moment
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return moment + offset if zone.startswith("-") else moment - offset


def number(fields: Mapping[str, object], name: str) -> Decimal | None:
    """An exact number.

    Raises:
        FieldError: it is none, or not finite.
    """
    value = fields.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool) or len(written := str(value).strip()) > _LONGEST_NUMBER:
            raise ValueError
        exact = Decimal(written)
        if "_" in written or not exact.is_finite():
            raise ValueError
    except (ValueError, InvalidOperation) as error:
        raise FieldError(f"{name}: not a number") from error
    # Arithmetic with such an exponent raises, or fills the memory.
    if exact.adjusted() > _LARGEST_EXPONENT:
        raise FieldError(f"{name}: too large")
    return exact


def money(fields: Mapping[str, object], name: str, per_unit: int = 1) -> Decimal | None:
    """An amount, to 12 decimals; JavaScript's sums carry noise behind them.

    Args:
        fields: the record.
        name: the field.
        per_unit: how many of what the field counts make one unit of the currency.

    Raises:
        FieldError: it is no number, or too large.
    """
    exact = number(fields, name)
    if exact is None:
        return None
    return money_of(_DIGITS.divide(exact, Decimal(per_unit)), name)


def mapping(fields: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    """An object, also as text of JSON or of a ClickHouse map, or as pairs of a Parquet map.

    None where it is empty.

    Raises:
        FieldError: it is none.
    """
    value = fields.get(name)
    if isinstance(value, str | bytes):
        if not value.strip():
            return None
        value = _object_in(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
    if isinstance(value, list) and all(_is_pair(pair) for pair in value):
        value = {pair["key"]: pair.get("value") for pair in value}
    if value is not None and not isinstance(value, dict):
        raise FieldError(f"{name}: not an object")
    return {text(key) or "": inner for key, inner in value.items()} if value else None


def _is_pair(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("key"), str | bytes)


_MAP_TEXT = r"'((?:[^'\\]|\\.)*+)'"
_MAP_PAIR = re.compile(rf"{_MAP_TEXT}\s*:\s*(?:{_MAP_TEXT}|([-+0-9.eE]+))\s*(?:,|}}$)", re.DOTALL)


def _object_in(written: str) -> object:
    written = written.strip()
    if not written.startswith("{'"):
        # A CSV writer that doubles the quotes of JSON, and then again those of the cell.
        value = exports.value_of(written)
        return exports.value_of(written.replace('""', '"')) if value is ... else value
    found: dict[str, object] = {}
    position = 1
    while match := _MAP_PAIR.match(written, position):
        key, quoted, bare = match.groups()
        found[key] = bare if quoted is None else quoted.replace("\\'", "'")
        position = match.end()
    return found if position == len(written) else ...


def plain(value: object) -> object:
    """A count or object of exact JSON with the numbers of Python."""
    if isinstance(value, Decimal):
        whole = value.is_finite() and value.adjusted() < 20 and value == value.to_integral_value()
        return int(value) if whole else float(value)
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return value


def texts(fields: Mapping[str, object], name: str) -> list[str]:
    """A list of texts, also as JSON inside a string; a text that is no JSON is a list of one.

    Raises:
        FieldError: it is none.
    """
    value = fields.get(name)
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = exports.value_of(value)
    if isinstance(value, str):
        value = [value]
    if value is None:
        return []
    if not isinstance(value, Sequence):
        raise FieldError(f"{name}: not a list of texts")
    return [kept for item in value if (kept := text(item))]
