"""Dates and times of day as utilities write them; day or month first is decided by the data.

`7/2/2026` alone says nothing. A part above 12 does, and so does a file whose dates follow one another
day by day in one reading and not in the other. Where neither does, nobody guesses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from tokenworks_sources.connectors.about import DAY_FIRST, MONTH_FIRST, Order

_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_PARTS = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})")
_ZONED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.?[Mm]\.?)?")
# Dates in a row that settle the order where no part is above 12.
CONVINCING = 3
_MOST_DATES = 4_000


@dataclass
class DateOrder:
    """What the dates of a file say about their order.

    Attributes:
        is_day_first, is_month_first: a date that only this order can read was seen.
        is_open: a date that needs an order was seen.
    """

    is_day_first: bool = False
    is_month_first: bool = False
    is_open: bool = False
    _seen: set[tuple[int, int, int]] = field(default_factory=set)

    def see(self, text: str) -> None:
        """Takes in one date."""
        found = _PARTS.fullmatch(text)
        if found is None:
            return
        self.is_open = True
        first, second = int(found[1]), int(found[3])
        self.is_day_first = self.is_day_first or first > 12
        self.is_month_first = self.is_month_first or second > 12
        if len(self._seen) < _MOST_DATES:
            self._seen.add((first, second, _year(found[4])))

    def decided(self) -> Order | None:
        """The order, or None where the dates leave it open or contradict themselves."""
        if self.is_day_first != self.is_month_first:
            return DAY_FIRST if self.is_day_first else MONTH_FIRST
        if self.is_day_first or len(self._seen) < CONVINCING:
            return None
        follows = {
            MONTH_FIRST: _is_consecutive([(year, a, b) for a, b, year in self._seen]),
            DAY_FIRST: _is_consecutive([(year, b, a) for a, b, year in self._seen]),
        }
        if follows[MONTH_FIRST] == follows[DAY_FIRST]:
            return None
        return MONTH_FIRST if follows[MONTH_FIRST] else DAY_FIRST


def _is_consecutive(days: list[tuple[int, int, int]]) -> bool:
    try:
        dates = sorted(date(*day) for day in days)
    except ValueError:
        return False
    return dates[-1] - dates[0] == timedelta(days=len(dates) - 1)


def day_of(text: str, order: Order | None) -> date | None:
    """The date, or None where it is none in that order."""
    iso, parts = _ISO.fullmatch(text), _PARTS.fullmatch(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if parts and order:
            first, second = int(parts[1]), int(parts[3])
            month, day = (first, second) if order == MONTH_FIRST else (second, first)
            return date(_year(parts[4]), month, day)
    except ValueError:
        pass
    return None


def seconds_of(text: str) -> int | None:
    """Seconds after midnight; 24:00 is the end of the day."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4] in "pP" else 0)
    total = hour * 3600 + minute * 60 + second
    return total if minute < 60 and second < 60 and total <= 86_400 else None


def split_moment(text: str) -> tuple[str, str]:
    """Date and time of a text that holds both."""
    day, _, time = text.partition("T" if "T" in text else " ")
    return day, time.strip()


def moment_of(text: str, order: Order | None) -> datetime | None:
    """A local date with its time of day, midnight where it has none."""
    day_text, time_text = split_moment(text)
    day, seconds = day_of(day_text, order), seconds_of(time_text) if time_text else 0
    if day is None or seconds is None:
        return None
    return datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)


def zoned_moment(text: str) -> datetime | None:
    """UTC of an ISO time with its offset; None where it has none."""
    if not _ZONED.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)
