"""A fiscal period is charged what its ledger names a tenant for; nothing is shared, nothing is lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl

from tokenworks.reports.ledger import ledgers
from tokenworks.reports.unshared import unshared

MONEY = pl.Decimal(38, 12)
# category, cause, tenant, currency, cost, cost_usd
ROWS = [
    ("served", None, "acme", "EUR", "10.004", "11.0"),
    ("waste", "failed", "acme", "EUR", "1.004", "1.1"),
    ("served", None, "beta", "EUR", "20.004", "22.0"),
    ("served", None, None, "EUR", "0.004", "0.004"),
    ("idle", "ready_empty", None, "EUR", "5.00", None),
    ("idle", "unobserved", None, "EUR", "2.00", "2.2"),
    ("overhead", "storage", None, "EUR", "3.00", "3.3"),
    ("unattributed", "no_tokens", None, "EUR", "4.00", "4.4"),
]


def _frame() -> pl.LazyFrame:
    names = ("category", "cause", "tenant_id", "currency", "cost", "cost_usd")
    columns = dict(zip(names, zip(*ROWS, strict=True), strict=True))
    frame = pl.DataFrame({name: list(columns[name]) for name in names[:4]})
    money = {
        name: pl.Series(
            [None if one is None else Decimal(one) for one in columns[name]], dtype=MONEY
        )
        for name in names[4:]
    }
    return frame.with_columns(
        event_date=pl.lit(date(2026, 10, 1)), deployment_id=pl.lit(None, pl.String), **money
    ).lazy()


def test_lines_sum_to_the_ledger_when_idle_and_overhead_stay_with_the_platform() -> None:
    """30.012 served is posted as 30.01: the cent goes to the first of three equal remainders."""
    frame = _frame()
    [charged] = unshared(ledgers(frame), frame)
    assert charged.total == Decimal("45.02")
    assert [(line.name, *map(str, line.amounts), line.total_usd) for line in charged.lines] == [
        ("acme", "10.00", "1.01", "0.00", "0.00", "0.00", Decimal("12.1")),
        ("beta", "20.00", "0.00", "0.00", "0.00", "0.00", Decimal("22.0")),
        ("(no tenant named)", "0.01", "0.00", "0.00", "0.00", "0.00", Decimal("0.004")),
        ("(not observed)", "0.00", "0.00", "2.00", "0.00", "0.00", Decimal("2.2")),
        ("(platform: charged to no tenant)", "0.00", "0.00", "5.00", "3.00", "0.00", None),
        ("(unattributed)", "0.00", "0.00", "0.00", "0.00", "4.00", Decimal("4.4")),
    ]
