"""Rows of `requests` from JSON records: times, money, hosts and batches.

Belongs here: what every JSON connector of requests needs of a value. A value that cannot be used is a
`FieldError`, whose text is the reject reason and quotes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal
from urllib.parse import urlsplit

import msgspec
import polars as pl

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.connectors.prometheus.clock import EARLIEST, LATEST, parse_time
from tokenworks_sources.connectors.requests.token_classes import TokenClasses
from tokenworks_sources.contracts.model import Contract
from tokenworks_sources.contracts.render import polars_schema

BATCH_ROWS = 20_000
MONEY_STEP = Decimal("0.000000000001")
_LARGEST_MONEY = Decimal(10) ** 26
# The default context of 28 digits is too small for the lake's 38.
_WIDE = Context(prec=60)
_EPOCH = datetime(1970, 1, 1)
# From the largest: whoever counts finer has the larger number, until the year 5138.
_EPOCH_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3), (0, 1))
_DEEPEST = 6
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)

Row = dict[str, object]


class FieldError(ValueError):
    """A field that cannot be used; its text is the reject reason."""


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
    if abs(amount) >= _LARGEST_MONEY:
        raise FieldError(f"{field}: too large")
    return amount.quantize(MONEY_STEP, context=_WIDE)


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


def host_of(url: object) -> str | None:
    """Host and port alone: a name before them or a query behind them may hold a key."""
    if not isinstance(url, str) or not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    return f"{parts.hostname}{port}" if parts.hostname else None


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


class Rows:
    """Collects rows of a table and writes them in batches."""

    def __init__(self, sink: Sink, contract: Contract) -> None:
        self._sink, self._table = sink, contract.table
        self._schema = {
            name: kind
            for name, kind in polars_schema(contract).items()
            if name not in ("source_file", "source_digest")
        } | {"_raw": pl.String()}
        self._rows: list[Row] = []

    def add(self, row: Row, number: int, raw: str) -> None:
        """One row of the record with that number."""
        self._rows.append({**row, "source_line": number, "_raw": raw})
        if len(self._rows) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Writes what has been collected."""
        if self._rows:
            columns = {name: [row.get(name) for row in self._rows] for name in self._schema}
            self._sink.write(self._table, pl.DataFrame(columns, schema=self._schema))
            self._rows.clear()
