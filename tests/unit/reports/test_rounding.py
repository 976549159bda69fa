"""Cents in two directions: columns keep their sums, and rows come to their own amounts."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.reports.conftest import WriteMart
from tokenworks.reports.charges import charge_lines
from tokenworks.reports.ledger import ledgers
from tokenworks.reports.money import Key, post
from tokenworks.reports.period import Period
from tokenworks.reports.read import read_month
from tokenworks.reports.rounding import Cell, settle
from tokenworks_sources.settings import Settings

CENT = 10**10
Table = dict[str, dict[Key, int]]


def rows_of(table: Table) -> dict[Key, list[Cell]]:
    """A table of units, each column rounded by the largest remainder; one row per key."""
    found: dict[Key, list[Cell]] = {}
    for column, units in table.items():
        for key, shown in post(units, "USD").items():
            found.setdefault(key, []).append(Cell((column, key), *divmod(units[key], CENT), shown))
    return found


def shown(rows: dict[Key, list[Cell]]) -> dict[Key, int]:
    return {(cell.place[0], *cell.place[1]): cell.shown for row in rows.values() for cell in row}


def test_row_of_a_whole_cent_is_whole_when_its_cells_are_not() -> None:
    """Bill a is .006 + .004 = .01, b .004 + .006 = .01; each column is .01, given to a and to b, not both to a."""
    table: Table = {
        "served": {("a",): 6 * CENT // 10, ("b",): 4 * CENT // 10},
        "idle": {("a",): 6 * CENT // 10, ("b",): 4 * CENT // 10, ("c",): CENT * 0},
    }
    rows = rows_of(table)
    assert shown(rows) == {
        ("served", "a"): 1, ("served", "b"): 0, ("idle", "a"): 1, ("idle", "b"): 0, ("idle", "c"): 0,
    }  # fmt: skip
    settle(rows, {("a",): 1, ("b",): 1, ("c",): 0})
    assert shown(rows) == {
        ("served", "a"): 1, ("served", "b"): 0, ("idle", "a"): 0, ("idle", "b"): 1, ("idle", "c"): 0,
    }  # fmt: skip


def test_cent_moves_over_a_third_row_when_two_share_no_column() -> None:
    """a has only served and one too many, c only idle and one too few; b has both and passes it on."""
    cells: dict[str, list[Cell]] = {
        "a": [Cell(("served", ("a",)), 0, 4, 1)],
        "b": [Cell(("served", ("b",)), 0, 5, 0), Cell(("idle", ("b",)), 0, 5, 1)],
        "c": [Cell(("idle", ("c",)), 0, 6, 0)],
    }
    rows: dict[Key, list[Cell]] = {(name,): row for name, row in cells.items()}
    settle(rows, {("a",): 0, ("b",): 1, ("c",): 1})
    assert shown(rows) == {
        ("served", "a"): 0,
        ("served", "b"): 1,
        ("idle", "b"): 0,
        ("idle", "c"): 1,
    }


def test_row_stays_a_cent_off_when_no_cell_may_change() -> None:
    """What is whole is never changed: 1.00 is not shown as 1.01."""
    rows: dict[Key, list[Cell]] = {
        ("a",): [Cell(("served", ("a",)), 0, 4, 1)],
        ("b",): [Cell(("served", ("b",)), 5, 0, 5)],
    }
    settle(rows, {("a",): 0, ("b",): 6})
    assert shown(rows) == {("served", "a"): 1, ("served", "b"): 5}


@given(
    st.dictionaries(
        st.sampled_from(["served", "waste", "idle"]),
        st.dictionaries(
            st.tuples(st.sampled_from("abcdef")), st.integers(-5 * CENT, 5 * CENT), min_size=1
        ),
        min_size=1,
    )
)
def test_columns_and_cells_hold_when_rows_are_settled(table: Table) -> None:
    rows = rows_of(table)
    columns = {name: sum(post(units, "USD").values()) for name, units in table.items()}
    exact = {key: sum(cell.below * CENT + cell.rest for cell in row) for key, row in rows.items()}
    before = {key: sum(cell.shown for cell in row) for key, row in rows.items()}
    targets = {key: units // CENT for key, units in exact.items()}
    settle(rows, targets)
    for name, total in columns.items():
        assert (
            sum(cell.shown for row in rows.values() for cell in row if cell.place[0] == name)
            == total
        )
    for key, row in rows.items():
        assert all(cell.shown - cell.below in (0, 1) for cell in row)
        after = sum(cell.shown for cell in row) - targets[key]
        assert abs(after) <= abs(before[key] - targets[key])


def test_bills_and_lines_show_their_own_amount_when_categories_are_rounded(
    home: Settings, write_mart: WriteMart
) -> None:
    """Three leases of 1.00 in three categories: .333, .334 and .333 of each; by category alone the first shows 1.02."""
    rows = [
        {"event_date": Period(2026, 9).start, "currency": "USD", "category": category,
         "bill_id": bill, "charge_line_id": line, "cost": Decimal(cost)}
        for bill, line in (("a", "1"), ("a", "2"), ("b", "1"))
        for category, cost in (("served", "0.333"), ("idle", "0.334"), ("waste", "0.333"))
    ]  # fmt: skip
    write_mart("fct_cost_ledger", rows)
    marts = read_month(home.published_parquet, Period(2026, 9))
    books = ledgers(marts.ledger)
    lines = charge_lines(marts.ledger, books, marts.charges)
    assert [(line.bill, line.line, str(line.total)) for line in lines] == [
        ("a", "1", "1.00"), ("a", "2", "1.00"), ("b", "1", "1.00"),
    ]  # fmt: skip
    assert (
        sum(line.amounts[0] for line in lines) == books[0].categories["served"] == Decimal("1.00")
    )
