"""Where each billed line of the month landed, so that a figure can be followed to its charge.

Here belongs the ledger by bill, line and component in minor units, and what the bill says of the line. Lines sum to the
categories of the ledger, and so to every other sheet, and to what their bill says of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

from tokenworks.reports.ledger import CATEGORIES, CurrencyLedger
from tokenworks.reports.money import Key, from_minor, minor_digits, minor_step, post, to_units
from tokenworks.reports.rounding import Cell, grouped, settle

# A worksheet holds 1,048,576 rows; beyond this a bill is one line, which nobody could read anyway.
MOST_LINES = 200_000
ALL_LINES = "(all lines)"
_KEYS = ("currency", "bill_id", "charge_line_id", "cost_source", "component")
_LINE = ("cost_source", "bill_id", "charge_line_id")
_SAID = ("charge_description", "invoice_issuer_name", "period_start", "period_end")


@dataclass(frozen=True)
class Said:
    """What a bill says of a line; unknown where our own books made it."""

    description: str | None = None
    issuer: str | None = None
    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class ChargeLine:
    """One billed line and what it was spent on this month, in minor units."""

    currency: str
    bill: str
    line: str
    source: str
    component: str
    amounts: tuple[Decimal, ...]
    said: Said = Said()

    @property
    def total(self) -> Decimal:
        """What the line comes to."""
        return sum(self.amounts, Decimal(0))


def charge_lines(
    frame: pl.LazyFrame,
    ledgers: tuple[CurrencyLedger, ...],
    landed: pl.LazyFrame,
    most: int = MOST_LINES,
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
    said = _said(landed, sums)
    return tuple(
        line for ledger in ledgers for line in _of_currency(ledger, cells[ledger.currency], said)
    )


def _said(landed: pl.LazyFrame, sums: pl.DataFrame) -> dict[tuple[str, ...], Said]:
    """By source, bill and line."""
    lines = sums.select(_LINE).unique().lazy()
    found = landed.join(lines, on=_LINE, how="semi").select(*_LINE, *_SAID).collect()
    return {tuple(row[:3]): Said(*row[3:]) for row in found.iter_rows()}


def _in_order(key: Key) -> tuple[object, ...]:
    """By bill, then by line; lines of a file in its order: 2 before 10."""
    bill, line, *more = key
    file, _, number = line.rpartition(":")
    place = int(number) if number.isdecimal() else 0
    return bill, file, place, line, *more


def _of_currency(
    ledger: CurrencyLedger,
    cells: Mapping[str, Mapping[Key, int]],
    said: Mapping[tuple[str, ...], Said],
) -> list[ChargeLine]:
    posted = _posted(ledger, cells)
    keys = sorted({key for parts in posted.values() for key in parts}, key=_in_order)
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
            said=said.get((source, bill, line), Said()),
        )
        for bill, line, source, component in keys
    ]


def _posted(
    ledger: CurrencyLedger, cells: Mapping[str, Mapping[Key, int]]
) -> dict[str, dict[Key, int]]:
    """Minor units by category and key: categories sum to the ledger's, bills and lines to their own amounts."""
    currency, step = ledger.currency, minor_step(ledger.currency)
    rounded: list[Cell] = []
    for category in CATEGORIES:
        minor = int(ledger.categories[category].scaleb(minor_digits(currency)))
        found = cells.get(category, {})
        for key, shown in (post(found, currency, minor) if found else {}).items():
            rounded.append(Cell((category, key), *divmod(found[key], step), shown))
    bills = grouped(rounded, 1)
    _settle(bills, currency, sum(cell.shown for cell in rounded))
    for of_bill in bills.values():
        _settle(grouped(of_bill, 3), currency, sum(cell.shown for cell in of_bill))
    posted: dict[str, dict[Key, int]] = {category: {} for category in CATEGORIES}
    for cell in rounded:
        category, key = cell.place
        posted[category][key] = cell.shown
    return posted


def _settle(rows: Mapping[Key, Sequence[Cell]], currency: str, total: int) -> None:
    """Each row to its exact amount, rounded so that all come to a total."""
    step = minor_step(currency)
    exact = {key: sum(cell.below * step + cell.rest for cell in row) for key, row in rows.items()}
    if abs(total * step - sum(exact.values())) < step:
        settle(rows, post(exact, currency, total))
