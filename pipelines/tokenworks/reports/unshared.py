"""What each tenant cost in a fiscal period, idle and overhead left with the platform.

Here belongs the chargeback of a period that is no calendar month: the warehouse shares idle and overhead by
calendar month, so a period is charged what its ledger names a tenant for, and nothing is shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from tokenworks.reports.chargeback import (
    LINE_NAMES,
    NO_TENANT,
    NOT_OBSERVED,
    PLATFORM,
    TENANT,
    Chargeback,
    ChargebackLine,
    Policy,
)
from tokenworks.reports.ledger import (
    CATEGORIES,
    SERVED,
    UNATTRIBUTED,
    UNOBSERVED,
    WASTE,
    CurrencyLedger,
)
from tokenworks.reports.money import Key, from_minor, minor_digits, post

POLICY = Policy("platform", "platform")


def unshared(ledgers: Sequence[CurrencyLedger], frame: pl.LazyFrame) -> tuple[Chargeback, ...]:
    """One chargeback for each ledger, in its order, of lines that sum to its categories."""
    dollars = _dollars(frame)
    return tuple(_of_currency(ledger, dollars) for ledger in ledgers)


def _of_currency(
    ledger: CurrencyLedger, dollars: dict[tuple[str, Key], Decimal | None]
) -> Chargeback:
    units: dict[str, dict[Key, int]] = defaultdict(lambda: defaultdict(int))
    for row in ledger.rows:
        units[row.category][_line_of(row.category, row.cause, row.tenant)] += row.units
    minor = {
        category: post(units[category], ledger.currency, _minor(ledger, category))
        for category in units
    }
    keys = sorted({key for posted in minor.values() for key in posted}, key=_order)
    lines = tuple(
        ChargebackLine(
            name=tenant if kind == TENANT else LINE_NAMES[kind],
            is_tenant=kind == TENANT,
            cost_centre="",
            amounts=tuple(
                from_minor(minor.get(category, {}).get((kind, tenant), 0), ledger.currency)
                for category in CATEGORIES
            ),
            total_usd=dollars.get((ledger.currency, (kind, tenant))),
            input_tokens=None,
            output_tokens=None,
            list_usd=None,
        )
        for kind, tenant in keys
    )
    return Chargeback(ledger.currency, lines, ledger.total)


def _line_of(category: str, cause: str, tenant: str) -> Key:
    if category in (SERVED, WASTE):
        return (TENANT, tenant) if tenant else (NO_TENANT, "")
    if category == UNATTRIBUTED:
        return UNATTRIBUTED, ""
    return (NOT_OBSERVED if cause == UNOBSERVED else PLATFORM), ""


def _order(line: Key) -> tuple[bool, Key]:
    return line[0] != TENANT, line


def _minor(ledger: CurrencyLedger, category: str) -> int:
    """A category's posted amount in whole minor units."""
    return int(ledger.categories[category].scaleb(minor_digits(ledger.currency)))


def _dollars(frame: pl.LazyFrame) -> dict[tuple[str, Key], Decimal | None]:
    """Dollars of each line; None where a rate is missing."""
    sums = frame.group_by("currency", "category", "cause", "tenant_id").agg(
        pl.when(pl.col("cost_usd").is_null().any()).then(None).otherwise(pl.col("cost_usd").sum())
    )
    found: dict[tuple[str, Key], Decimal | None] = {}
    for currency, category, cause, tenant, amount in sums.sort(pl.all()).collect().iter_rows():
        key = currency, _line_of(category, cause or "", tenant or "")
        before = found.get(key, Decimal(0))
        found[key] = None if amount is None or before is None else before + amount
    return found
