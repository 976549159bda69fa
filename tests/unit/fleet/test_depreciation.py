"""A revised life or residual value changes what is to come, and nothing that was written off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fleet.test_fleet import GOOD
from tokenworks_sources.connectors.fleet.fleet_yaml import CONNECTOR
from tokenworks_sources.depreciation import Estimate, Stretch, stretches
from tokenworks_sources.errors import FleetError
from tokenworks_sources.fleet import load_fleet

D = Decimal
START = datetime(2026, 1, 1)
PURCHASE = "discount_rate: 0.1"


def expected_from(date: str, life_months: int, residual: str = "0") -> Estimate:
    return Estimate(datetime.fromisoformat(date), life_months, D(residual))


# First month, months and what is written off in them, value at the end.
Left = tuple[int, int, Decimal, Decimal]


def written_off(found: list[Stretch]) -> list[Left]:
    return [
        (stretch.first_month, stretch.month_count, stretch.amount, stretch.residual_value)
        for stretch in found
    ]


@pytest.mark.parametrize(
    ("revised", "found"),
    [
        # 4,800 in 48 months are 100 a month. After a year 3,600 are left, in 60 - 12 months 75 each.
        ([expected_from("2027-01-01", 60)], [(12, 48, D(3600), D(0))]),
        # A month of life that has begun is written off as it was.
        ([expected_from("2027-01-15", 60)], [(13, 47, D(3500), D(0))]),
        # Then 75 for a year: 4,800 less 900 at the end, 1,200 and 900 are 1,800, in 36 months 50 each.
        (
            [expected_from("2027-01-01", 60), expected_from("2028-01-01", 60, "900")],
            [(12, 48, D(3600), D(0)), (24, 36, D(1800), D(900))],
        ),
        # Worth more at the end than it stands in the books: nothing is left to write off, and nothing is added.
        ([expected_from("2027-01-01", 60, "4000")], [(12, 48, D(0), D(4000))]),
        # Over already: the rest at once.
        ([expected_from("2027-01-01", 12)], [(12, 1, D(3600), D(0))]),
        # After the whole life: nothing is left.
        ([expected_from("2031-01-01", 72)], [(60, 12, D(0), D(0))]),
    ],
)
def test_what_is_left_is_spread_over_the_months_that_are_left(
    revised: list[Estimate], found: list[Left]
) -> None:
    first = Estimate(START, 48, D(0))
    assert written_off(list(stretches(START, D(4800), first, revised))) == found


def test_annuity_goes_on_from_what_is_not_paid_back_when_the_life_is_revised() -> None:
    """4,800 at 10 %: 1,514.259858 a year for four years, so 5,280 less that are owed after one.

    Then 1,187.981069 a year for four: 3,765.740142 with a year's interest, less that, are 2,954.333087.
    """
    first = Estimate(START, 48, D(0))
    revised = [expected_from("2027-01-01", 60), expected_from("2028-01-01", 60, "900")]
    found = stretches(START, D(4800), first, revised, 0.1)
    assert [stretch.capital for stretch in found] == [D("3765.740142"), D("2954.333087")]


@pytest.mark.parametrize(
    ("rate", "date", "capital"),
    [
        # Without interest it is what straight line has left.
        (0.0, "2027-01-01", "3600.000000"),
        (None, "2027-01-01", None),
        # Half a year: 1,514.259858 × (1 − 1.1^−3.5) / .1.
        (0.1, "2026-07-01", "4295.189676"),
        # After its life it is paid back but for its value then.
        (0.1, "2031-01-01", "0.000000"),
    ],
)
def test_what_is_not_paid_back_follows_from_the_interest(
    rate: float | None, date: str, capital: str | None
) -> None:
    first = Estimate(START, 48, D(0))
    (found,) = stretches(START, D(4800), first, [expected_from(date, 72)], rate)
    assert found.capital == (D(capital) if capital else None)


def test_month_of_life_ends_with_a_shorter_month_when_it_began_on_the_31st() -> None:
    start = datetime(2026, 1, 31)
    first, revised = Estimate(start, 10, D(0)), [expected_from("2026-02-28", 20)]
    assert written_off(list(stretches(start, D(100), first, revised))) == [(1, 19, D(90), D(0))]


def test_thirds_leave_their_last_unit_to_what_is_left() -> None:
    """100 in three months: 33.333333333333 in the first, so 66.666666666667 are left."""
    first, revised = Estimate(START, 3, D(0)), [expected_from("2026-02-01", 5)]
    found = written_off(list(stretches(START, D(100), first, revised)))
    assert found == [(1, 4, D("66.666666666667"), D(0))]


def _fleet(tmp_path: Path, revised: str) -> Path:
    assert PURCHASE in GOOD
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD.replace(PURCHASE, f"{PURCHASE}, revised: {revised}"))
    return path


def test_revision_becomes_a_row(tmp_path: Path, ingest_file: Callable[..., Any]) -> None:
    path = _fleet(tmp_path, "[{valid_from: 2027-09-01, life_months: 72}]")
    frame = ingest_file(path, CONNECTOR).frames["fleet_depreciation"]
    (row,) = frame.select("first_month", "month_count", "amount", "valid_from").rows()
    # 320,000.10 less 32,000 in 48 months; after 12 of them three quarters are left, for 60 months.
    assert row == (12, 60, D("216000.075"), datetime(2027, 9, 1))


def test_fleet_is_refused_when_revisions_are_out_of_order(tmp_path: Path) -> None:
    path = _fleet(tmp_path, "[{valid_from: 2026-09-01, life_months: 72}]")
    with pytest.raises(FleetError, match=r"servers\.srv-1\.purchase\.revised"):
        load_fleet(path)
