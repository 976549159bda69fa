"""Fiscal calendars: the section `books` of `fleet.yaml`, and the table of periods that follows from it.

Belongs here: what may be said, and expanding it once into rows. Whoever needs a period reads the rows;
nobody computes one from a date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, pairwise
from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

GREGORIAN = "gregorian"
PATTERNS = {"4-4-5": (4, 4, 5), "4-5-4": (4, 5, 4), "5-4-4": (5, 4, 4)}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Fiscal years around the fleet's first date for which periods are laid out.
YEARS_BEFORE, YEARS_AFTER = 3, 15
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


class YearEnd(BaseModel):
    """Where a year of weeks ends: on a weekday, the last of a month or the one nearest to its end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    month: int = Field(ge=1, le=12)
    weekday: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ] = "saturday"
    rule: Literal["last", "nearest"] = "last"


class StatedPeriod(BaseModel):
    """One period of a calendar of one's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$")
    year: int
    quarter: int = Field(ge=1, le=4)
    first_date: date
    last_date: date


class Books(BaseModel):
    """How the books are kept: their calendar and the time zone of reports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calendar: str = Field(GREGORIAN, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$")
    year_starts_in: int = Field(1, ge=1, le=12)
    year_ends: YearEnd | None = None
    year_named_by: Literal["end", "start"] = "end"
    periods: list[StatedPeriod] = Field(default_factory=list)
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no IANA time zone, for example Europe/Amsterdam")
        return value

    @model_validator(mode="after")
    def _says_what_its_calendar_needs(self) -> Books:
        is_weekly, is_own = self.calendar in PATTERNS, bool(self.periods)
        if is_weekly != (self.year_ends is not None):
            raise ValueError(f"year_ends goes with {', '.join(PATTERNS)}, and they need it")
        if is_own == (is_weekly or self.calendar == GREGORIAN):
            raise ValueError(
                f"periods go with a calendar of another name than {GREGORIAN}, "
                f"{', '.join(PATTERNS)}, and it needs them"
            )
        if self.year_starts_in != 1 and self.calendar != GREGORIAN:
            raise ValueError(f"year_starts_in goes with {GREGORIAN}")
        for before, after in pairwise(self.periods):
            if after.first_date != before.last_date + _DAY:
                raise ValueError(f"{after.name} must begin on the date after {before.name}")
        return self


@dataclass(frozen=True)
class PeriodRow:
    """One period of a calendar."""

    period: str
    fiscal_year: int
    quarter: int
    period_number: int
    first_date: date
    last_date: date


def calendars(books: Books, fleet_from: date) -> dict[str, list[PeriodRow]]:
    """The periods of the books' calendar, and calendar months beside it, by calendar."""
    months = {GREGORIAN: period_rows(Books(), fleet_from)}
    return {**months, books.calendar: period_rows(books, fleet_from)}


def period_rows(books: Books, fleet_from: date) -> list[PeriodRow]:
    """The periods of the books' calendar, the earliest first."""
    if books.periods:
        return list(_stated(books.periods))
    years = range(fleet_from.year - YEARS_BEFORE, fleet_from.year + YEARS_AFTER)
    rows_of = _months if books.calendar == GREGORIAN else _weeks
    return [row for year in years for row in rows_of(books, year)]


def _stated(periods: list[StatedPeriod]) -> Iterator[PeriodRow]:
    numbers: dict[int, int] = {}
    for one in periods:
        numbers[one.year] = numbers.get(one.year, 0) + 1
        yield PeriodRow(
            one.name, one.year, one.quarter, numbers[one.year], one.first_date, one.last_date
        )


def _months(books: Books, year: int) -> Iterator[PeriodRow]:
    """Calendar months of the fiscal year that begins in a calendar year."""
    for number in range(1, 13):
        place = books.year_starts_in - 1 + number - 1
        first = date(year + place // 12, place % 12 + 1, 1)
        last = (first + 31 * _DAY).replace(day=1) - _DAY
        named = year if books.year_starts_in == 1 or books.year_named_by == "start" else year + 1
        name = f"{first:%Y-%m}" if books.year_starts_in == 1 else f"FY{named}-P{number:02d}"
        yield PeriodRow(name, named, (number + 2) // 3, number, first, last)


def _weeks(books: Books, year: int) -> Iterator[PeriodRow]:
    """Periods of the fiscal year that ends by the rule in a calendar year; a 53rd week is its last."""
    assert books.year_ends is not None
    first, end = _year_end(books.year_ends, year - 1) + _DAY, _year_end(books.year_ends, year)
    weeks = [*PATTERNS[books.calendar]] * 4
    weeks[-1] += ((end - first).days + 1) // 7 - sum(weeks)
    named = year if books.year_named_by == "end" else first.year
    ends = list(accumulate(weeks))
    for number, (begun, ended) in enumerate(zip([0, *ends], ends, strict=False), 1):
        yield PeriodRow(
            f"FY{named}-P{number:02d}",
            named,
            (number + 2) // 3,
            number,
            first + begun * _WEEK,
            first + ended * _WEEK - _DAY,
        )


def _year_end(rule: YearEnd, year: int) -> date:
    last = date(year + rule.month // 12, rule.month % 12 + 1, 1) - _DAY
    back = (last.weekday() - WEEKDAYS.index(rule.weekday)) % 7
    # Nearest: the weekday before or after the end of the month, and never both equally.
    if rule.rule == "nearest" and back > 3:
        return last + (7 - back) * _DAY
    return last - back * _DAY
