"""The lines of the bills: where each landed, and what its bill says of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from tests.unit.reports.conftest import WriteMart
from tokenworks.reports.charges import Said, charge_lines
from tokenworks.reports.ledger import ledgers
from tokenworks.reports.period import Period
from tokenworks.reports.read import Marts, read_month
from tokenworks.reports.tables import ReportTables
from tokenworks_sources.settings import Settings


def test_every_billed_line_is_followed_to_where_it_landed(tables: ReportTables) -> None:
    assert [
        (line.currency, line.bill, line.component, [str(amount) for amount in line.amounts])
        for line in tables.charges
    ] == [
        ("EUR", "colo-eu", "accelerator", ["10.00", "0.00", "-7.00", "0.00", "0.00"]),
        ("USD", "credit-09", "network", ["0.00", "0.00", "0.00", "-4.00", "0.00"]),
        ("USD", "lease-09", "accelerator", ["100.00", "5.00", "100.00", "0.00", "2.50"]),
        ("USD", "lease-09", "network", ["0.00", "0.00", "0.00", "10.00", "0.00"]),
    ]


def test_line_says_what_was_billed_by_whom_and_for_when(tables: ReportTables) -> None:
    said = {(line.bill, line.component): line.said for line in tables.charges}
    begins, ends = datetime(2026, 9, 1), datetime(2026, 10, 1)
    assert said["lease-09", "accelerator"] == Said("GPU server lease", "Lessor", begins, ends)
    assert said["colo-eu", "accelerator"] == said["credit-09", "network"] == Said()


def test_lines_of_a_file_stand_in_its_order(home: Settings, write_mart: WriteMart) -> None:
    """Lines 2 and 10 of one file, and one of our own books without a number."""
    names = ("f:10", "f:2", "srv:2026-09-01", "f:1")
    lease = {
        "event_date": date(2026, 9, 1),
        "currency": "USD",
        "category": "served",
        "bill_id": "b",
    }
    rows = [{**lease, "charge_line_id": name, "cost": Decimal(1)} for name in names]
    write_mart("fct_cost_ledger", rows)
    marts = read_month(home.published_parquet, Period(2026, 9))
    lines = charge_lines(marts.ledger, ledgers(marts.ledger), marts.charges)
    assert [line.line for line in lines] == ["f:1", "f:2", "f:10", "srv:2026-09-01"]


def test_bills_are_one_line_each_when_they_have_too_many(marts: Marts) -> None:
    books = ledgers(marts.ledger)
    lines = charge_lines(marts.ledger, books, marts.charges, most=3)
    assert {(line.bill, line.line) for line in lines} == {
        ("colo-eu", "(all lines)"),
        ("credit-09", "(all lines)"),
        ("lease-09", "(all lines)"),
    }
    assert sum(line.total for line in lines if line.currency == "USD") == Decimal("213.50")
