"""Rows of `grid_prices` as every connector of the table hands them over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl


class PriceRow(NamedTuple):
    """One price of one interval.

    Attributes:
        line: line or number of the record it comes from.
        start: naive UTC.
        seconds: length of the interval.
        price: per kWh, at the lake's scale.
        records: input records that the row stands for; 0 for one that repeats another.
    """

    line: int
    start: datetime
    seconds: int
    price: Decimal
    records: int = 1


def frame_of(rows: Sequence[PriceRow], **constants: str) -> pl.DataFrame:
    """Rows that share zone, market, basis and currency."""
    lines, starts, seconds, prices, records = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "source_line": pl.Series(lines, dtype=pl.Int64),
            "interval_start": pl.Series(starts, dtype=pl.Datetime("us")),
            "interval_seconds": pl.Series(seconds, dtype=pl.Int64),
            "price_per_kwh": pl.Series(prices, dtype=pl.Decimal(38, 12)),
            "_records": pl.Series(records, dtype=pl.Int64),
        }
    ).with_columns(pl.lit(value).alias(name) for name, value in constants.items())


def utc_of(text: object) -> datetime | None:
    """An ISO 8601 time as naive UTC; None without a zone, because no market leaves it out.

    >>> utc_of("2025-09-30T22:00Z"), utc_of("2025-09-30T22:00")
    (datetime.datetime(2025, 9, 30, 22, 0), None)
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is None or moment.tzinfo is None:
            return None
        return moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
