"""Where every billed unit of money of the month went.

Here belongs the ledger by category, cause, deployment, tenant and day. Sharing idle and overhead
among tenants belongs to `chargeback`. Currencies stand apart: nothing here adds two of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from tokenworks.reports.money import Key, from_minor, from_units, post, round_to_minor, to_units
from tokenworks_sources.errors import TokenworksError

SERVED, WASTE, IDLE, OVERHEAD, UNATTRIBUTED = "served", "waste", "idle", "overhead", "unattributed"
CATEGORIES = (SERVED, WASTE, IDLE, OVERHEAD, UNATTRIBUTED)
# Billed hours of which no record says anything: idle by category, unknown by cause.
UNOBSERVED = "unobserved"
_DIMENSIONS = ("currency", "category", "cause", "deployment_id", "tenant_id", "event_date")


class LedgerError(TokenworksError):
    """A ledger line in a category that the reports do not know."""


@dataclass(frozen=True)
class LedgerRow:
    """Exact cost of one combination of the ledger's dimensions, in units of 1e-12."""

    currency: str
    category: str
    cause: str
    deployment: str
    tenant: str
    day: date
    units: int


@dataclass(frozen=True)
class CategoryAmount:
    """One line of where the money went: a category, and for idle and waste its cause."""

    category: str
    cause: str
    amount: Decimal


@dataclass(frozen=True)
class IdleRow:
    """Idle cost of a deployment on a day by cause; an empty deployment is an unallocated GPU."""

    day: date
    deployment: str
    cause: str
    amount: Decimal


@dataclass(frozen=True)
class CurrencyLedger:
    """The ledger of one billed currency.

    Attributes:
        currency: ISO 4217 code.
        exact: the ledger's total with all its digits.
        total: the same in minor units of the currency.
        categories: amount by category, in the order of `CATEGORIES`; sums to the total.
        causes: the same amounts by category and cause; sums to the total.
        idle: idle by day, deployment and cause; sums to the idle category.
        rows: the exact rows behind the amounts.
    """

    currency: str
    exact: Decimal
    total: Decimal
    categories: dict[str, Decimal]
    causes: tuple[CategoryAmount, ...]
    idle: tuple[IdleRow, ...]
    rows: tuple[LedgerRow, ...]

    def of_cause(self, category: str, cause: str) -> Decimal:
        """Amount of one category and cause."""
        found = [line for line in self.causes if (line.category, line.cause) == (category, cause)]
        return sum((line.amount for line in found), Decimal(0))

    def days(self) -> dict[tuple[date, str], Decimal]:
        """Exact cost by day and category; hours not observed stand apart from idle."""
        sums: dict[tuple[date, str], int] = defaultdict(int)
        for row in self.rows:
            shown = UNOBSERVED if row.cause == UNOBSERVED else row.category
            sums[row.day, shown] += row.units
        return {key: from_units(units) for key, units in sorted(sums.items())}


def ledgers(frame: pl.LazyFrame) -> tuple[CurrencyLedger, ...]:
    """One ledger for each billed currency, in the order of their codes."""
    rows = _rows(frame)
    currencies = sorted({row.currency for row in rows})
    return tuple(
        _currency_ledger(currency, [row for row in rows if row.currency == currency])
        for currency in currencies
    )


def _rows(frame: pl.LazyFrame) -> list[LedgerRow]:
    sums = (
        frame.group_by(_DIMENSIONS)
        .agg(pl.col("cost").sum())
        .with_columns(pl.col("cause", "deployment_id", "tenant_id").fill_null(""))
        .sort(_DIMENSIONS)
        .collect()
    )
    unknown = sorted(set(sums["category"].unique()) - set(CATEGORIES), key=str)
    if unknown:
        raise LedgerError(
            f"fct_cost_ledger holds the category {unknown[0]!r}, which is none of "
            f"{', '.join(CATEGORIES)}. Correct the model that wrote it."
        )
    return [
        LedgerRow(currency, category, why, deployment, tenant, day, to_units(cost))
        for currency, category, why, deployment, tenant, day, cost in sums.iter_rows()
    ]


def _currency_ledger(currency: str, rows: Sequence[LedgerRow]) -> CurrencyLedger:
    exact = sum(row.units for row in rows)
    by_category = _sums(((row.category,), row.units) for row in rows)
    minor = post(by_category, currency)
    causes: list[CategoryAmount] = []
    for category in CATEGORIES:
        of_category = [row for row in rows if row.category == category]
        if of_category:
            posted = post(
                _sums(((row.cause,), row.units) for row in of_category),
                currency,
                minor[category,],
            )
            causes += [
                CategoryAmount(category, cause, from_minor(part, currency))
                for (cause,), part in sorted(posted.items())
            ]
    return CurrencyLedger(
        currency=currency,
        exact=from_units(exact),
        total=from_minor(round_to_minor(exact, currency), currency),
        categories={
            category: from_minor(minor.get((category,), 0), currency) for category in CATEGORIES
        },
        causes=tuple(causes),
        idle=_idle(currency, rows, minor.get((IDLE,), 0)),
        rows=tuple(rows),
    )


def _idle(currency: str, rows: Iterable[LedgerRow], total: int) -> tuple[IdleRow, ...]:
    """Idle rows in minor units.

    Posted by cause first, then by deployment and day, so that the causes here are those of the
    summary to the minor unit.
    """
    idle = [row for row in rows if row.category == IDLE]
    if not idle:
        return ()
    found: list[IdleRow] = []
    by_cause = post(_sums(((row.cause,), row.units) for row in idle), currency, total)
    for (cause,), minor in sorted(by_cause.items()):
        cells = _sums(
            ((row.day.isoformat(), row.deployment), row.units) for row in idle if row.cause == cause
        )
        found += [
            IdleRow(date.fromisoformat(day), deployment, cause, from_minor(part, currency))
            for (day, deployment), part in post(cells, currency, minor).items()
        ]
    return tuple(sorted(found, key=lambda row: (row.day, row.deployment, row.cause)))


def _sums(pairs: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    sums: dict[Key, int] = defaultdict(int)
    for key, units in pairs:
        sums[key] += units
    return dict(sums)
