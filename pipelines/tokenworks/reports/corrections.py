"""What became known of closed periods and was posted in this one.

Here belongs the sum by corrected period, bill and category. Finding a correction is the work of the
warehouse, and what it corrects is in the closed books.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from tokenworks.reports.money import Key, from_minor, post, to_units
from tokenworks.reports.period import Period

_KEYS = ("corrected_period", "bill_id", "charge_line_id", "component", "category", "cause")


@dataclass(frozen=True)
class Correction:
    """What one bill changes in one closed period, in minor units."""

    currency: str
    corrected_period: str
    bill: str
    line: str
    component: str
    category: str
    cause: str
    tenant: str
    amount: Decimal


def posted_in(period: Period) -> pl.Expr:
    """Whether a correction is posted in a period in which the books are kept.

    In any other period the ledger is as known now: what a closed one got wrong is in it already.
    """
    in_period = pl.col("posted_from").is_between(period.start, period.end, closed="left")
    if period.fiscal is not None:
        return in_period & (pl.col("posted_period") == str(period))
    # A month that was closed before the books took another calendar has its files by month.
    return in_period & pl.col("corrected_period").str.contains(r"^[0-9]{4}-[0-9]{2}$")


def totals(posted: Iterable[Correction]) -> dict[str, Decimal]:
    """What was posted in all, by currency."""
    sums: dict[str, Decimal] = {}
    for one in posted:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.amount
    return sums


def corrections(frame: pl.LazyFrame) -> tuple[Correction, ...]:
    """Corrections posted in the period; those of a currency sum to their exact total, rounded."""
    keys = ("currency", *_KEYS, "tenant_id")
    sums = frame.group_by(keys).agg(pl.col("cost").sum()).collect()
    cells: dict[str, dict[Key, int]] = defaultdict(dict)
    for currency, *key, cost in sums.iter_rows():
        cells[currency][tuple(part or "" for part in key)] = to_units(cost)
    return tuple(
        Correction(
            currency=currency,
            corrected_period=key[0],
            bill=key[1],
            line=key[2],
            component=key[3],
            category=key[4],
            cause=key[5],
            tenant=key[6],
            amount=from_minor(minor, currency),
        )
        for currency, parts in sorted(cells.items())
        for key, minor in sorted(post(parts, currency).items())
    )
