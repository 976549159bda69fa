"""Fields of JSON records: times, numbers, money, words, and what of a record is safe to keep.

Belongs here: how JSON writes a value. One that cannot be used is a `FieldError`, whose text is the
reject reason and quotes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal

import msgspec

from tokenworks_sources.connectors.prometheus.clock import EARLIEST, LATEST, parse_time
from tokenworks_sources.connectors.requests.token_classes import TokenClasses
from tokenworks_sources.connectors.requests.values import FieldError, money_of
from tokenworks_sources.connectors.rows import Row

# The default context of 28 digits is too small for the lake's 38.
_WIDE = Context(prec=60)
_EPOCH = datetime(1970, 1, 1)
# From the largest: whoever counts finer has the larger number, until the year 5138.
_EPOCH_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3), (0, 1))
_DEEPEST = 6
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def instant(value: object, field: str) -> datetime | None:
    """Naive UTC time of an epoch, its unit told by its size, or of a text with a zone.

    Digits beyond microseconds are cut off.

    Raises:
        FieldError: it is neither, or lies outside the years 2000 to 2099.
    """
    if value is None or value == "":
        return None
    micros: int | None = None
    if isinstance(value, str):
        micros = parse_time(value.strip()[:64])
        if micros is None:
            raise FieldError(f"{field}: not an epoch and not a time with a zone")
        return _EPOCH + timedelta(microseconds=micros)
    epoch = _decimal(value, field)
    if abs(epoch) < Decimal(10) ** 20:
        unit = next(unit for least, unit in _EPOCH_UNITS if abs(epoch) >= least)
        micros = int(_WIDE.divide(_WIDE.multiply(epoch, Decimal(1_000_000)), Decimal(unit)))
    if micros is None or not EARLIEST <= micros < LATEST:
        raise FieldError(f"{field}: no time between 2000 and 2099")
    return _EPOCH + timedelta(microseconds=micros)


def money(value: object, field: str) -> Decimal | None:
    """An amount of money to 12 decimals, exact; also where it is text.

    Raises:
        FieldError: it is no number, or too large for the lake.
    """
    amount = number(value, field)
    if amount is None:
        return None
    return money_of(amount, field)


def number(value: object, field: str) -> Decimal | None:
    """A number, exact; also where it is text.

    Raises:
        FieldError: it is none.
    """
    return None if value is None or value == "" else _decimal(value, field)


def seconds(value: object, field: str, per_second: int = 1) -> float | None:
    """A duration in seconds, given in parts of a second.

    Raises:
        FieldError: it is no number.
    """
    return None if value is None else float(_decimal(value, field)) / per_second


def _decimal(value: object, field: str) -> Decimal:
    if isinstance(value, str) and len(value) <= 64:
        try:
            value = Decimal(value.strip())
        except ArithmeticError as error:
            raise FieldError(f"{field}: not a number") from error
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > 60:
        if isinstance(value, Decimal) and value.is_zero():
            return Decimal(0)
        raise FieldError(f"{field}: not a number")
    return value


def word(value: object) -> str | None:
    """A text that is a name of something, such as a class of error; None where it may be prose."""
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        return None
    return value if value.replace("_", "").replace(".", "").replace("-", "").isalnum() else None


def token_columns(classes: TokenClasses) -> Row:
    """The lake's columns of token classes."""
    return {f"{name}_tokens": getattr(classes, name) for name in TokenClasses.__dataclass_fields__}


def numbers_of(value: object, depth: int = _DEEPEST) -> object:
    """An object without its texts, for the raw record of a reject."""
    if isinstance(value, Mapping):
        if depth == 0:
            return None
        pruned = {key: numbers_of(inner, depth - 1) for key, inner in value.items()}
        return {key: inner for key, inner in pruned.items() if inner is not None}
    return value if isinstance(value, int | Decimal | bool) else None


def as_raw(value: object) -> str:
    """JSON of what is safe to keep of a record."""
    return _ENCODER.encode(value).decode()
