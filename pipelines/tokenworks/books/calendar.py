"""The periods in which the books are kept and closed.

Belongs here: what a period is, and finding one by name, by date, and after another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from tokenworks.books.recording import BooksError

GREGORIAN = "gregorian"
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
        """The period after another."""
        return month_of(period.end)
