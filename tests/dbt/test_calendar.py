"""Local days and fiscal dates, from the compiled models on dates that the small lake has not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from datetime import date, timedelta

import duckdb
import pytest

from tokenworks.dbt_project import dbt_paths
from tokenworks_sources.fiscal import Books, calendars
from tokenworks_sources.settings import Settings

MODELS = "compiled/tokenworks/models"
PERIOD_COLUMNS = (
    "calendar varchar, period varchar, fiscal_year bigint, quarter bigint, period_number bigint, "
    "first_date date, last_date date, is_books_calendar boolean"
)


@pytest.fixture
def built(copied_home: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the build, whose books are dated to the days on which New York changes its clocks."""
    # Views and compiled models name files from where dbt runs.
    with chdir(copied_home.build), duckdb.connect(str(copied_home.build_database)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("delete from int_books__fingerprints")
        connection.execute("delete from int_books__settings")
        connection.execute("insert into int_books__settings values ('gregorian', 'Asia/Kolkata')")
        for day in ("2026-03-08", "2026-11-01"):
            connection.execute("insert into int_books__fingerprints values (?, 'x', 1)", [day])
        target = dbt_paths(copied_home).target / MODELS
        sql = (target / "intermediate/books/int_books__local_hours.sql").read_text()
        connection.execute(f"create table hours as {sql}")
        yield connection


def _hours(connection: duckdb.DuckDBPyConnection, zone: str) -> dict[str, int]:
    rows = connection.execute(
        "select cast(local_date as varchar), count(*) from hours where time_zone = ? group by 1",
        [zone],
    )
    return dict(rows.fetchall())


def test_local_days_have_23_and_25_hours_when_clocks_change(
    built: duckdb.DuckDBPyConnection,
) -> None:
    """SYN-14."""
    hours = _hours(built, "America/New_York")
    assert (hours["2026-03-08"], hours["2026-11-01"]) == (23, 25)
    assert (hours["2026-03-09"], hours["2026-10-31"]) == (20, 24)
    utc = _hours(built, "UTC")
    assert set(utc.values()) == {24}


def test_hour_that_clocks_show_twice_is_two_rows(built: duckdb.DuckDBPyConnection) -> None:
    """SYN-14."""
    rows = built.execute(
        "select cast(hour_start as varchar) from hours where time_zone = 'America/New_York' "
        "and local_start = timestamp '2026-11-01 01:00:00' order by 1"
    ).fetchall()
    assert rows == [("2026-11-01 05:00:00",), ("2026-11-01 06:00:00",)]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Dublin", "Asia/Kolkata", "UTC"])
def test_every_utc_hour_is_in_exactly_one_local_day(
    built: duckdb.DuckDBPyConnection, zone: str
) -> None:
    assert sum(_hours(built, zone).values()) == 6 * 24


def test_hour_belongs_to_the_local_day_in_which_it_begins(built: duckdb.DuckDBPyConnection) -> None:
    """At +05:30 the day begins within a UTC hour: that of 18:00 begins at 23:30 the day before."""
    rows = built.execute(
        "select cast(hour_start as varchar), cast(local_start as varchar), "
        "cast(local_date as varchar) from hours where time_zone = 'Asia/Kolkata' "
        "and hour_start between '2026-03-08 18:00' and '2026-03-08 19:00' order by 1"
    ).fetchall()
    assert rows == [
        ("2026-03-08 18:00:00", "2026-03-08 23:30:00", "2026-03-08"),
        ("2026-03-08 19:00:00", "2026-03-09 00:30:00", "2026-03-09"),
    ]


def test_dates_carry_their_fiscal_period_and_week(copied_home: Settings) -> None:
    """The calendar of `tests/unit/fleet/test_fiscal.py`, published with these periods."""
    books = Books.model_validate({"calendar": "4-4-5", "year_ends": {"month": 4}})
    with duckdb.connect(str(copied_home.build_database)) as connection:
        connection.execute(f"create or replace table int_books__periods ({PERIOD_COLUMNS})")
        for calendar, rows in calendars(books, date(2018, 9, 1)).items():
            connection.executemany(
                "insert into int_books__periods values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (calendar, row.period, row.fiscal_year, row.quarter, row.period_number,
                     row.first_date, row.last_date, calendar == "4-4-5")
                    for row in rows
                ],
            )  # fmt: skip
        sql = (dbt_paths(copied_home).target / MODELS / "marts/dim_calendar.sql").read_text()
        found = connection.execute(
            "select cast(calendar_date as varchar), calendar, fiscal_year, quarter, period, "
            f"period_number, fiscal_week from ({sql}) where calendar_date in "
            "('2018-04-28', '2018-04-29', '2018-07-28', '2019-04-27') order by all"
        ).fetchall()
        days = connection.execute(
            f"select min(calendar_date), max(calendar_date), count(*) from ({sql}) "
            "where calendar = '4-4-5'"
        ).fetchall()
    assert found == [
        ("2018-04-28", "4-4-5", 2018, 4, "FY2018-P12", 12, 52),
        ("2018-04-28", "gregorian", 2018, 2, "2018-04", 4, 17),
        ("2018-04-29", "4-4-5", 2019, 1, "FY2019-P01", 1, 1),
        ("2018-04-29", "gregorian", 2018, 2, "2018-04", 4, 17),
        ("2018-07-28", "4-4-5", 2019, 1, "FY2019-P03", 3, 13),
        ("2018-07-28", "gregorian", 2018, 3, "2018-07", 7, 30),
        ("2019-04-27", "4-4-5", 2019, 4, "FY2019-P12", 12, 52),
        ("2019-04-27", "gregorian", 2019, 2, "2019-04", 4, 17),
    ]
    [(first, last, count)] = days
    assert last - first + timedelta(days=1) == timedelta(days=count)
