"""The month that a report covers.

Here belongs reading `YYYY-MM` and its bounds. Fiscal calendars do not exist yet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tokenworks_sources.errors import TokenworksError

_FORM = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})")


class PeriodError(TokenworksError):
    """A month that is not written as YYYY-MM."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is not a month. Write it as YYYY-MM, such as 2026-09.")


class NoDataError(TokenworksError):
    """A month of which nothing is published."""

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
    """One calendar month of UTC hours, half open.

    Attributes:
        year: the calendar year.
        month: 1 to 12.
        note: as of when the books are read, in words; nothing where it is as they are now.
    """

    year: int
    month: int
    note: str = ""

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `YYYY-MM`.

        >>> Period.parse("2026-09")
        Period(year=2026, month=9, note='')

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
        return date(self.year, self.month, 1)

    @property
    def end(self) -> date:
        """First day of the next month."""
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
    def end_instant(self) -> datetime:
        """The instant at which the month ends, UTC."""
        return datetime(self.end.year, self.end.month, self.end.day)

    @property
    def title(self) -> str:
        """`September 2026`."""
        return f"{self.start:%B} {self.year}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def require_data(period: Period, months: Sequence[str]) -> None:
    """Stop where the month is not among those that have data."""
    if str(period) not in months:
        raise NoDataError(str(period), months)
