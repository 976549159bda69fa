"""The period that a report covers.

Here belongs reading `YYYY-MM`, finding a period of a fiscal calendar by its name, and their bounds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from tokenworks.books.calendar import GREGORIAN, PERIODS, FiscalPeriod, periods_in
from tokenworks_sources.errors import TokenworksError

_FORM = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})")


class PeriodError(TokenworksError):
    """A name that is no month and no period of a fiscal calendar, or one of several."""

    def __init__(
        self, text: str, calendars: Sequence[str] = (), calendar: str | None = None
    ) -> None:
        self.text = text
        self.calendars = tuple(calendars)
        if calendars:
            super().__init__(
                f"{text!r} is a period of several calendars: {', '.join(calendars)}. "
                "Say which with --calendar."
            )
        elif calendar:
            super().__init__(
                f"{text!r} is no period of a calendar {calendar!r}; "
                f'`tokenworks sql "from {PERIODS}"` lists calendars and their periods.'
            )
        else:
            super().__init__(
                f"{text!r} is not a month. Write it as YYYY-MM, such as 2026-09; "
                f'`tokenworks sql "from {PERIODS}"` lists the periods of fiscal calendars.'
            )


class NoDataError(TokenworksError):
    """A period of which nothing is published."""

    def __init__(self, month: str, months: Sequence[str]) -> None:
        self.month = month
        self.months = tuple(months)
        there = f"There is data for {', '.join(months)}." if months else "No month has data yet."
        todo = (
            "Choose one of them." if months else "Run `tokenworks ingest` and `tokenworks build`."
        )
        super().__init__(f"Nothing is published for {month}. {there} {todo}")


@dataclass(frozen=True, order=True)
class Period:
    """One calendar month of UTC hours, or one period of a fiscal calendar, half open.

    Attributes:
        year: the calendar or fiscal year.
        month: 1 to 12; of a fiscal year, the period's number.
        note: as of when the books are read, in words; nothing where it is as they are now.
    """

    year: int
    month: int
    note: str = ""
    fiscal: FiscalPeriod | None = None

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `YYYY-MM`.

        >>> Period.parse("2026-09")
        Period(year=2026, month=9, note='', fiscal=None)

        Raises:
            PeriodError: for anything else.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise PeriodError(text)
        year, month = int(match["year"]), int(match["month"])
        if year < 1 or not 1 <= month <= 12:
            raise PeriodError(text)
        return cls(year, month)

    @property
    def start(self) -> date:
        """First day."""
        return self.fiscal.first_date if self.fiscal else date(self.year, self.month, 1)

    @property
    def end(self) -> date:
        """First day of the next month."""
        if self.fiscal:
            return self.fiscal.end
        return date(self.year + self.month // 12, self.month % 12 + 1, 1)

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """Last day."""
        return self.end - timedelta(days=1)

    @property
    def start_instant(self) -> datetime:
        """The instant at which the period starts, UTC."""
        return datetime(self.start.year, self.start.month, self.start.day)

    @property
    def end_instant(self) -> datetime:
        """The instant at which the month ends, UTC."""
        return datetime(self.end.year, self.end.month, self.end.day)

    @property
    def title(self) -> str:
        """`September 2026`."""
        return f"{self} ({self.fiscal.calendar})" if self.fiscal else f"{self.start:%B} {self.year}"

    def __str__(self) -> str:
        return self.fiscal.name if self.fiscal else f"{self.year:04d}-{self.month:02d}"


def named(text: str, published_parquet: Path, calendar: str | None = None) -> Period:
    """The period of a name: a calendar month, or what the published calendars call so.

    Args:
        text: `2026-10`, or a name such as `FY2026-P03`.
        published_parquet: folder of the published marts.
        calendar: the calendar to look in; all of them where not given.

    Raises:
        PeriodError: when no period has the name, or several calendars have one.
    """
    if _FORM.fullmatch(text) and calendar in (None, GREGORIAN):
        return Period.parse(text)
    files = str(published_parquet / PERIODS / "*.parquet")
    if not (published_parquet / PERIODS).is_dir():
        raise PeriodError(text, calendar=calendar)
    with duckdb.connect() as connection:
        connection.read_parquet(files).create_view(PERIODS)
        found = [
            period
            for period in periods_in(connection, "true")
            if period.name == text and calendar in (None, period.calendar)
        ]
    if len(found) != 1:
        raise PeriodError(text, tuple(period.calendar for period in found), calendar)
    [one] = found
    return Period(one.fiscal_year, one.number, fiscal=one)
