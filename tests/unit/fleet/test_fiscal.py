"""Fiscal calendars against calendars that their keepers published."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from tokenworks_sources.errors import FleetError
from tokenworks_sources.fiscal import Books, PeriodRow, period_rows
from tokenworks_sources.fleet import load_fleet

# A company's 4-4-5 calendar whose years end on the last Saturday of April, fiscal year 2019, as its
# keeper listed it in the Claris community, "Calculations based on 4-4-5 Fiscal Calendar", 2019-03-14.
APRIL_2019 = [
    ("2018-04-29", "2018-05-26"),
    ("2018-05-27", "2018-06-23"),
    ("2018-06-24", "2018-07-28"),
    ("2018-07-29", "2018-08-25"),
    ("2018-08-26", "2018-09-22"),
    ("2018-09-23", "2018-10-27"),
    ("2018-10-28", "2018-11-24"),
    ("2018-11-25", "2018-12-22"),
    ("2018-12-23", "2019-01-26"),
    ("2019-01-27", "2019-02-23"),
    ("2019-02-24", "2019-03-23"),
    ("2019-03-24", "2019-04-27"),
]


def _books(**said: object) -> Books:
    return Books.model_validate(said)


def _of_year(books: Books, year: int, around: int) -> list[PeriodRow]:
    rows = period_rows(books, date(around, 9, 1))
    return [row for row in rows if row.fiscal_year == year]


def test_periods_are_those_published_when_the_year_ends_on_the_last_saturday_of_april() -> None:
    books = _books(calendar="4-4-5", year_ends={"month": 4, "weekday": "saturday", "rule": "last"})
    found = _of_year(books, 2019, around=2018)
    assert [(str(row.first_date), str(row.last_date)) for row in found] == APRIL_2019
    assert [row.period for row in found][:2] == ["FY2019-P01", "FY2019-P02"]
    assert [row.quarter for row in found] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_retail_years_have_53_weeks_where_the_federation_published_them() -> None:
    """National Retail Federation, 4-5-4 calendar: 53 weeks in 2012, 2017 and 2023; 2023 is
    2023-01-29 to 2024-02-03. A year is named by the calendar year in which it begins."""
    books = _books(
        calendar="4-5-4",
        year_ends={"month": 1, "weekday": "saturday", "rule": "nearest"},
        year_named_by="start",
    )
    rows = period_rows(books, date(2014, 9, 1))
    weeks = {
        row.fiscal_year: sum(
            (one.last_date - one.first_date).days + 1
            for one in rows
            if one.fiscal_year == row.fiscal_year
        )
        // 7
        for row in rows
    }
    assert [year for year, count in weeks.items() if count == 53] == [2012, 2017, 2023]
    assert set(weeks.values()) == {52, 53}
    found = [row for row in rows if row.fiscal_year == 2023]
    assert (found[0].first_date, found[-1].last_date) == (date(2023, 1, 29), date(2024, 2, 3))
    lengths = [((row.last_date - row.first_date).days + 1) // 7 for row in found]
    assert lengths == [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 5]


def test_year_ends_on_the_published_dates_when_the_rule_is_the_last_saturday_of_august() -> None:
    """Encyclopedias list 2006-08-26, 2007-08-25, 2008-08-30 for this rule; the last has 53 weeks."""
    books = _books(calendar="5-4-4", year_ends={"month": 8})
    rows = period_rows(books, date(2008, 1, 1))
    ends = {row.fiscal_year: str(row.last_date) for row in rows}
    assert [ends[year] for year in (2006, 2007, 2008)] == ["2006-08-26", "2007-08-25", "2008-08-30"]


def test_months_carry_the_fiscal_year_when_it_starts_in_july() -> None:
    found = _of_year(_books(year_starts_in=7), 2027, around=2026)
    assert found[0] == PeriodRow("FY2027-P01", 2027, 1, 1, date(2026, 7, 1), date(2026, 7, 31))
    assert found[7] == PeriodRow("FY2027-P08", 2027, 3, 8, date(2027, 2, 1), date(2027, 2, 28))


@pytest.mark.parametrize(
    "books",
    [
        _books(),
        _books(year_starts_in=4),
        _books(calendar="4-4-5", year_ends={"month": 12, "rule": "nearest", "weekday": "sunday"}),
        _books(calendar="5-4-4", year_ends={"month": 2, "weekday": "friday"}),
    ],
)
def test_periods_adjoin_and_each_name_is_given_once(books: Books) -> None:
    rows = period_rows(books, date(2026, 9, 1))
    assert len({row.period for row in rows}) == len(rows) == 18 * 12
    gaps = [(after.first_date - before.last_date).days for before, after in pairwise(rows)]
    assert set(gaps) == {1}


FLEET = """
valid_from: 2026-09-01
sites: [{id: home, region: home, time_zone: UTC, pue: 1.2, currency: USD}]
books:
"""


GAP = """
  calendar: own
  periods:
    - {name: A, year: 2026, quarter: 1, first_date: 2026-01-01, last_date: 2026-01-28}
    - {name: B, year: 2026, quarter: 1, first_date: 2026-01-30, last_date: 2026-02-25}
"""


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("  calendar: 4-4-5", "year_ends goes with 4-4-5, 4-5-4, 5-4-4, and they need it"),
        ("  calendar: own", "periods go with a calendar of another name"),
        ("  time_zone: Mars/Olympus", "is no IANA time zone"),
        ("  year_starts_in: 13", "less than or equal to 12"),
        ("  calendar: ../x", "should match pattern"),
        (GAP, "B must begin on the date after A"),
    ],
)
def test_fleet_is_refused_when_its_books_contradict_themselves(
    tmp_path: Path, said: str, message: str
) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET + said + "\n")
    with pytest.raises(FleetError, match=message):
        load_fleet(path)


def test_own_periods_are_numbered_within_their_year() -> None:
    said = [
        {"name": "A", "year": 2026, "quarter": 4, "first_date": "2026-01-01", "last_date": "2026-01-28"},
        {"name": "B", "year": 2027, "quarter": 1, "first_date": "2026-01-29", "last_date": "2026-02-25"},
    ]  # fmt: skip
    rows = period_rows(_books(calendar="own", periods=said), date(2026, 1, 1))
    assert [(row.period, row.fiscal_year, row.period_number) for row in rows] == [
        ("A", 2026, 1),
        ("B", 2027, 1),
    ]


def test_stated_period_needs_a_calendar_of_its_own() -> None:
    with pytest.raises(ValidationError, match="year_starts_in goes with gregorian"):
        _books(calendar="4-4-5", year_ends={"month": 4}, year_starts_in=7)
