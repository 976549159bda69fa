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


@pytest.mark.parametrize(
    ("revised", "found"),
    [
        # 4,800 in 48 months are 100 a month. After a year 3,600 are left, in 60 - 12 months 75 each.
        ([expected_from("2027-01-01", 60)], [Stretch(12, 48, D(3600))]),
        # A month of life that has begun is written off as it was.
        ([expected_from("2027-01-15", 60)], [Stretch(13, 47, D(3500))]),
        # Then 75 for a year: 4,800 less 900 at the end, 1,200 and 900 are 1,800, in 36 months 50 each.
        (
            [expected_from("2027-01-01", 60), expected_from("2028-01-01", 60, "900")],
            [Stretch(12, 48, D(3600)), Stretch(24, 36, D(1800))],
        ),
        # Worth more at the end than it stands in the books: nothing is left to write off, and nothing is added.
        ([expected_from("2027-01-01", 60, "4000")], [Stretch(12, 48, D(0))]),
        # Over already: the rest at once.
        ([expected_from("2027-01-01", 12)], [Stretch(12, 1, D(3600))]),
        # After the whole life: nothing is left.
        ([expected_from("2031-01-01", 72)], [Stretch(60, 12, D(0))]),
    ],
)
def test_what_is_left_is_spread_over_the_months_that_are_left(
    revised: list[Estimate], found: list[Stretch]
) -> None:
    first = Estimate(START, 48, D(0))
    assert list(stretches(START, D(4800), first, revised)) == found


def test_month_of_life_ends_with_a_shorter_month_when_it_began_on_the_31st() -> None:
    start = datetime(2026, 1, 31)
    first, revised = Estimate(start, 10, D(0)), [expected_from("2026-02-28", 20)]
    assert list(stretches(start, D(100), first, revised)) == [Stretch(1, 19, D(90))]


def test_thirds_leave_their_last_unit_to_what_is_left() -> None:
    """100 in three months: 33.333333333333 in the first, so 66.666666666667 are left."""
    first, revised = Estimate(START, 3, D(0)), [expected_from("2026-02-01", 5)]
    (found,) = stretches(START, D(100), first, revised)
    assert found == Stretch(1, 4, D("66.666666666667"))


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
