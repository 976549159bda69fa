"""The periods in which the books are kept and closed.

Belongs here: what a period is, and finding one by name, by date, and after another. Periods of fiscal
calendars come from the mart `dim_fiscal_periods`; calendar months need no table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import duckdb

from tokenworks.books.recording import BooksError

GREGORIAN = "gregorian"
PERIODS = "dim_fiscal_periods"
SHOWN_PERIODS = 4
_MONTH = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})")


class PeriodNameError(BooksError):
    """A name that no period of the calendar has."""


@dataclass(frozen=True, order=True)
class FiscalPeriod:
    """One period of a calendar, in UTC dates.

    Attributes:
        first_date: its first date.
        last_date: its last date.
        name: how it is called, such as `2026-10` or `FY2026-P03`.
        calendar: the calendar's name.
        fiscal_year: the year that it belongs to.
        quarter: 1 to 4.
        number: place in its year, from 1.
    """

    first_date: date
    last_date: date
    name: str
    calendar: str
    fiscal_year: int
    quarter: int
    number: int

    @property
    def end(self) -> date:
        """The date after the last one."""
        return self.last_date + timedelta(days=1)

    def has(self, day: date) -> bool:
        """Whether a date lies in it."""
        return self.first_date <= day <= self.last_date


def month_of(day: date) -> FiscalPeriod:
    """The calendar month of a date."""
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    quarter = (first.month + 2) // 3
    return FiscalPeriod(first, last, f"{first:%Y-%m}", GREGORIAN, first.year, quarter, first.month)


class Calendar(Protocol):
    """Periods by name, by date and in order."""

    name: str

    def named(self, name: str) -> FiscalPeriod:
        """The period of a name, or `PeriodNameError`."""

    def containing(self, day: date) -> FiscalPeriod | None:
        """The period of a date; None outside the calendar."""

    def following(self, period: FiscalPeriod) -> FiscalPeriod:
        """The first period that begins after the end of another."""


class Gregorian:
    """Calendar months, named `2026-10`."""

    name = GREGORIAN

    def named(self, name: str) -> FiscalPeriod:
        """The period of a name.

        >>> Gregorian().named("2026-02").last_date.isoformat()
        '2026-02-28'

        Raises:
            PeriodNameError: it is not a month.
        """
        match = _MONTH.fullmatch(name)
        year, month = (int(match["year"]), int(match["month"])) if match else (0, 0)
        if year < 1 or not 1 <= month <= 12:
            raise PeriodNameError(f"{name!r} is not a month. Write it as YYYY-MM, such as 2026-09.")
        return month_of(date(year, month, 1))

    def containing(self, day: date) -> FiscalPeriod:
        """The period of a date."""
        return month_of(day)

    def following(self, period: FiscalPeriod) -> FiscalPeriod:
        """The period after another; after one that ends within a month, the next whole month."""
        found = month_of(period.end)
        return found if found.first_date > period.last_date else month_of(found.end)


class TableCalendar:
    """Periods by table."""

    def __init__(self, name: str, periods: Iterable[FiscalPeriod]) -> None:
        self.name = name
        self.periods = tuple(sorted(periods))

    def named(self, name: str) -> FiscalPeriod:
        """The period of a name.

        Raises:
            PeriodNameError: no period has it.
        """
        for period in self.periods:
            if period.name == name:
                return period
        raise PeriodNameError(
            f"{name!r} is no period of the calendar {self.name}. {self._said_of(name)}; "
            f'`tokenworks sql "from {PERIODS}"` lists them.'
        )

    def _said_of(self, name: str) -> str:
        """The periods in which a calendar month lies; of another name the first ones and the last."""
        match = _MONTH.fullmatch(name)
        if match and 1 <= int(match["month"]) <= 12 and int(match["year"]):
            month = month_of(date(int(match["year"]), int(match["month"]), 1))
            within = [one for one in self.periods if one.has(month.first_date)]
            within += [one for one in self.periods if month.has(one.first_date)]
            if within:
                spans = [f"{one.name} ({one.first_date} to {one.last_date})" for one in within]
                return f"That month lies in {', '.join(dict.fromkeys(spans))}"
        shown = ", ".join(period.name for period in self.periods[:SHOWN_PERIODS])
        return f"Its periods are {shown} … {self.periods[-1].name}"

    def containing(self, day: date) -> FiscalPeriod | None:
        """The period of a date; None outside the table."""
        return next((period for period in self.periods if period.has(day)), None)

    def following(self, period: FiscalPeriod) -> FiscalPeriod:
        """The first period that begins after the end of another.

        Raises:
            PeriodNameError: the table ends there.
        """
        for later in self.periods:
            if later.first_date > period.last_date:
                return later
        raise PeriodNameError(
            f"The calendar {self.name} ends with {self.periods[-1].name}, and {period.name} needs the "
            "period after it. Add the next fiscal year to `books` in fleet.yaml and ingest it."
        )


def periods_in(connection: duckdb.DuckDBPyConnection, where: str) -> list[FiscalPeriod]:
    """The periods of the mart that a condition holds for."""
    rows = connection.execute(
        "select first_date, last_date, period, calendar, fiscal_year, quarter, period_number "
        f"from {PERIODS} where {where} order by all"
    ).fetchall()
    return [FiscalPeriod(*row) for row in rows]


def calendar_of(periods: list[FiscalPeriod]) -> Calendar:
    """The calendar of some periods; calendar months where there are none, or where they are those."""
    if all(period.name == f"{period.first_date:%Y-%m}" for period in periods):
        return Gregorian()
    return TableCalendar(periods[0].calendar, periods)
