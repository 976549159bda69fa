"""What became known of closed periods and was posted in this one.

Here belongs the sum by corrected period, bill and category. Finding a correction is the work of the
warehouse, and what it corrects is in the closed books.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from tokenworks.reports.money import Key, from_minor, post, to_units

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
