"""Where each billed line of the month landed, so that a figure can be followed to its charge.

Here belongs the ledger by bill, line and component in minor units. Lines sum to the categories of
the ledger, and so to every other sheet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from tokenworks.reports.ledger import CATEGORIES, CurrencyLedger
from tokenworks.reports.money import Key, from_minor, minor_digits, post, to_units

# A worksheet holds 1,048,576 rows; beyond this a bill is one line, which nobody could read anyway.
MOST_LINES = 200_000
ALL_LINES = "(all lines)"
_KEYS = ("currency", "bill_id", "charge_line_id", "cost_source", "component")


@dataclass(frozen=True)
class ChargeLine:
    """One billed line and what it was spent on this month, in minor units."""

    currency: str
    bill: str
    line: str
    source: str
    component: str
    amounts: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        """What the line comes to."""
        return sum(self.amounts, Decimal(0))


def charge_lines(
    frame: pl.LazyFrame, ledgers: tuple[CurrencyLedger, ...], most: int = MOST_LINES
) -> tuple[ChargeLine, ...]:
    """Every billed line of the month; by bill alone where there are more than `most`."""
    sums = frame.group_by(*_KEYS, "category").agg(pl.col("cost").sum()).collect()
    if sums.select(_KEYS).unique().height > most:
        merged = sums.with_columns(pl.lit(ALL_LINES).alias("charge_line_id"))
        sums = merged.group_by(*_KEYS, "category").agg(pl.col("cost").sum())
    cells: dict[str, dict[str, dict[Key, int]]] = defaultdict(lambda: defaultdict(dict))
    for currency, bill, line, source, component, category, cost in sums.iter_rows():
        key = (bill or "", line or "", source or "", component or "")
        cells[currency][category][key] = to_units(cost)
    return tuple(
        line for ledger in ledgers for line in _of_currency(ledger, cells[ledger.currency])
    )


def _of_currency(
    ledger: CurrencyLedger, cells: Mapping[str, Mapping[Key, int]]
) -> list[ChargeLine]:
    posted: dict[str, dict[Key, int]] = {}
    for category in CATEGORIES:
        minor = int(ledger.categories[category].scaleb(minor_digits(ledger.currency)))
        found = cells.get(category, {})
        posted[category] = post(found, ledger.currency, minor) if found else {}
    keys = sorted({key for parts in posted.values() for key in parts})
    return [
        ChargeLine(
            ledger.currency,
            bill,
            line,
            source,
            component,
            amounts=tuple(
                from_minor(
                    posted[category].get((bill, line, source, component), 0), ledger.currency
                )
                for category in CATEGORIES
            ),
        )
        for bill, line, source, component in keys
    ]
