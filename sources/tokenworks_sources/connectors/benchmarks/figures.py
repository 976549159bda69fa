"""Figures of benchmark tools: numbers as they write them, and the unit of a second."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from tokenworks_sources.connectors.requests.token_classes import UsageError, whole_tokens

PER_SECOND = {
    "s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e3, "milliseconds": 1e3,
    "us": 1e6, "microseconds": 1e6, "ns": 1e9, "nanoseconds": 1e9,
}  # fmt: skip

_CLASS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
_NAME = 200


def number(value: object, field: str) -> float | None:
    """A finite number, or None where there is none; tools write NaN for an empty mean.

    Raises:
        UsageError: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{field}: not a number")
    try:
        found = float(value)
    except OverflowError:
        raise UsageError(f"{field}: not a number") from None
    return found if math.isfinite(found) else None


def mean(value: object, field: str) -> float | None:
    """The mean of a list of numbers; a number is its own."""
    if not isinstance(value, list):
        return number(value, field)
    known = [found for item in value if (found := number(item, field)) is not None]
    return math.fsum(known) / len(known) if known else None


def positive(value: object, field: str) -> float | None:
    """A number above 0, or None: a latency of 0 means that it was never measured."""
    found = number(value, field)
    if found is not None and found < 0:
        raise UsageError(f"{field}: below 0")
    return found or None


def whole(value: object, field: str) -> int | None:
    """A count, or None where there is none; 14926.0 is one.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, float) and math.isnan(value):
        return None
    return whole_tokens(value, field)


def seconds(value: object, unit: object, field: str) -> float | None:
    """A duration above 0 in seconds, or None.

    Raises:
        UsageError: it is no number, or of no known unit.
    """
    if value is None:
        return None
    if not isinstance(unit, str) or unit not in PER_SECOND:
        raise UsageError(f"{field}: of no known unit")
    found = positive(value, field)
    return None if found is None else found / PER_SECOND[unit]


def name(record: Mapping[str, object], *fields: str) -> str | None:
    """The first of these fields that is a text of the length of a name."""
    for field in fields:
        value = record.get(field)
        if isinstance(value, str) and value.strip() and len(value) <= _NAME:
            return value
    return None


def class_name(value: object) -> str | None:
    """The class or code of an error, never its text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and _CLASS_NAME.fullmatch(value) else None
