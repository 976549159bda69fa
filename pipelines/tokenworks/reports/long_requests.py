"""Rows of a log that last longer than a request can: totals of a day that came as one.

Here belongs counting them. What to do about them belongs to `remedies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

# No call of a model takes so long; a row that does is a total of many.
LONGEST_HOURS = 4
_TOKENS = ("input_total_tokens", "output_total_tokens")


@dataclass(frozen=True)
class LongRequests:
    """Requests that last longer than a call can, whose prompts lie in their first hours.

    Attributes:
        count: how many there are.
        token_share: their part of all tokens that are known; None where none are.
    """

    count: int = 0
    token_share: Decimal | None = None


def long_requests(requests: pl.LazyFrame) -> LongRequests:
    """Those of a month."""
    hours = (pl.col("ended_at") - pl.col("started_at")).dt.total_hours(fractional=True)
    tokens = pl.sum_horizontal(pl.col(name).fill_null(0) for name in _TOKENS)
    is_long = hours.fill_null(0) > LONGEST_HOURS
    count, long, whole = (
        requests.select(
            is_long.sum().alias("count"),
            tokens.filter(is_long).sum().alias("long"),
            tokens.sum().alias("whole"),
        )
        .collect()
        .row(0)
    )
    return LongRequests(int(count), Decimal(int(long)) / int(whole) if whole else None)
