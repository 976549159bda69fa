"""Books that are kept in the periods of a fiscal calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from tests.unit.books.conftest import Build, Line
from tokenworks.books.calendar import FiscalPeriod, Gregorian, PeriodNameError, TableCalendar
from tokenworks.books.closed import closed_periods
from tokenworks.books.closing import NotClosableError, close
from tokenworks.books.frozen import postings
from tokenworks.books.known import books_calendar
from tokenworks.reports.period import PeriodError, named
from tokenworks_sources.settings import Settings

# The first quarter of a 4-4-5 year that ends on the last Saturday of September 2027.
PERIODS = [
    ("FY2027-P01", date(2026, 9, 27), date(2026, 10, 24), 1),
    ("FY2027-P02", date(2026, 10, 25), date(2026, 11, 21), 2),
    ("FY2027-P03", date(2026, 11, 22), date(2026, 12, 26), 3),
]
LINES: list[Line] = [
    ("2026-09-30", "A", "A:0", "USD", "7", "7"),
    ("2026-10-31", "A", "A:2", "USD", "40", "40"),
]
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def _table(connection: duckdb.DuckDBPyConnection, *, is_books: bool) -> None:
    connection.execute(
        "create or replace table dim_fiscal_periods (calendar varchar, period varchar, "
        "fiscal_year bigint, quarter bigint, period_number bigint, first_date date, "
        "last_date date, is_books_calendar boolean)"
    )
    for name, first, last, number in PERIODS:
        connection.execute(
            "insert into dim_fiscal_periods values ('4-4-5', ?, 2027, 1, ?, ?, ?, ?)",
            [name, number, first, last, is_books],
        )


@pytest.fixture
def weekly(settings: Settings, build: Build) -> Settings:
    """Books of a 4-4-5 calendar."""
    settings.build.mkdir(parents=True)
    with duckdb.connect(str(settings.build_database)) as connection:
        _table(connection, is_books=True)
    build("2026-11-30T06:00:00", LINES)
    return settings


def test_books_close_in_the_periods_of_their_calendar(weekly: Settings) -> None:
    with pytest.raises(
        NotClosableError, match=r"these periods are open and have data: FY2027-P01\."
    ):
        close(weekly, "FY2027-P02", now=LATER)
    assert close(weekly, "FY2027-P01", now=LATER).totals["USD"].cost == "7.000000000000"
    assert close(weekly, "FY2027-P02", now=LATER).totals["USD"].cost == "40.000000000000"
    rows = postings(closed_periods(weekly), books_calendar(weekly))
    assert [row[3:] for row in rows] == [("FY2027-P03", date(2026, 11, 22), date(2026, 12, 26))] * 2


def test_month_is_refused_when_the_books_have_other_periods(weekly: Settings) -> None:
    with pytest.raises(PeriodNameError, match=r"periods are FY2027-P01, FY2027-P02, FY2027-P03 …"):
        close(weekly, "2029-10", now=LATER)


def test_period_is_refused_when_it_shares_dates_with_a_closed_month(
    settings: Settings, build: Build
) -> None:
    """The calendar of the books may change; no date is closed twice."""
    build("2026-11-30T06:00:00", LINES)
    close(settings, "2026-09", now=LATER)
    with duckdb.connect(str(settings.build_database)) as connection:
        _table(connection, is_books=True)
    build("2026-11-30T07:00:00", LINES)
    with pytest.raises(NotClosableError, match="FY2027-P01 shares dates with 2026-09, which is"):
        close(settings, "FY2027-P01", now=LATER)
    # Corrections of September go into the first period that begins after it.
    assert postings(closed_periods(settings), books_calendar(settings))[0][3] == "FY2027-P02"


def test_error_names_the_periods_of_a_month_when_the_books_have_no_months(weekly: Settings) -> None:
    with pytest.raises(PeriodNameError) as caught:
        close(weekly, "2026-10", now=LATER)
    assert str(caught.value) == (
        "'2026-10' is no period of the calendar 4-4-5. That month lies in FY2027-P01 (2026-09-27 to "
        "2026-10-24), FY2027-P02 (2026-10-25 to 2026-11-21); `tokenworks sql "
        '"from dim_fiscal_periods"` lists them.'
    )


def test_calendar_says_what_to_do_when_its_table_ends() -> None:
    only = FiscalPeriod(date(2026, 9, 27), date(2026, 10, 24), "FY2027-P01", "4-4-5", 2027, 1, 1)
    with pytest.raises(
        PeriodNameError, match=r"Add the next fiscal year to `books` in fleet\.yaml"
    ):
        TableCalendar("4-4-5", [only]).following(only)


def test_next_whole_month_follows_a_period_that_ends_within_one() -> None:
    period = FiscalPeriod(date(2026, 9, 27), date(2026, 10, 24), "P", "4-4-5", 2027, 1, 1)
    assert Gregorian().following(period).name == "2026-11"


def test_report_finds_a_period_by_its_name(weekly: Settings, tmp_path: Path) -> None:
    period = named("FY2027-P02", weekly.published_parquet)
    assert (period.start, period.end, str(period)) == (
        date(2026, 10, 25),
        date(2026, 11, 22),
        "FY2027-P02",
    )
    assert period.title == "FY2027-P02 (4-4-5)"
    assert named("2026-10", weekly.published_parquet).end == date(2026, 11, 1)
    with pytest.raises(PeriodError, match="lists the periods of fiscal calendars"):
        named("FY2027-P04", weekly.published_parquet)
    for text, calendar in (("FY2027-P02", "gregorian"), ("2026-10", "4-4-5")):
        message = f"'{text}' is no period of a calendar '{calendar}'; .* lists calendars and their periods"
        with pytest.raises(PeriodError, match=message):
            named(text, weekly.published_parquet, calendar)
