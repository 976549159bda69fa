"""One line of a utility's CSV as intervals of energy, in local time.

Pure: fields in, `Reading`s out, or a `RowError` with the reject reason. Conversion to UTC belongs to
`utility_csv.py`, because the repeated hour of autumn is told by the order of lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tokenworks_sources.connectors.about import Order
from tokenworks_sources.connectors.energy_readings.utility_dates import (
    day_of,
    moment_of,
    seconds_of,
    zoned_moment,
)
from tokenworks_sources.connectors.energy_readings.utility_layout import Layout
from tokenworks_sources.connectors.exact import grouped_of, money_of

DAY = 86_400
_QUALITIES = (("estimat", "estimated"), ("validat", "validated"), ("actual", "valid"))
_LETTERS = {"a": "valid", "e": "estimated"}
_FLOWS = {"consumption": "import", "surplus generation": "export"}


class RowError(ValueError):
    """Why a line cannot be used; its text is the reject reason."""


@dataclass(frozen=True)
class Span:
    """An interval in local time, or in UTC where the file says the offset; its end is exclusive."""

    start: datetime
    end: datetime
    is_utc: bool = False

    @property
    def seconds(self) -> int:
        """Length on the wall clock."""
        return int((self.end - self.start).total_seconds())


@dataclass(frozen=True)
class Reading:
    """Energy of one interval in one direction."""

    span: Span
    direction: str
    kwh: Decimal
    meter: str | None
    quality: str
    cost: tuple[Decimal, str | None] | None


def at(layout: Layout, row: list[str], role: str) -> str:
    """The field of a role; empty where the layout or the line has none."""
    index = layout.roles.get(role)
    return row[index] if index is not None and index < len(row) else ""


def wall_clock(layout: Layout, row: list[str]) -> tuple[int, int] | None:
    """Start and exclusive end in seconds after midnight, where the line has both as times of day."""
    if "period" in layout.roles:
        start, _, end = at(layout, row, "period").partition(" to ")
        times = start.partition(" ")[2], end.strip().partition(" ")[2]
    elif "start" in layout.roles:
        times = (
            at(layout, row, "start").partition(" ")[2],
            at(layout, row, "end").partition(" ")[2],
        )
    else:
        times = at(layout, row, "start_time"), at(layout, row, "end_time")
    start_seconds, end_seconds = (seconds_of(text.strip()) for text in times)
    if start_seconds is None or end_seconds is None:
        return None
    return start_seconds, exclusive(start_seconds, end_seconds)


def has_decimal_comma(text: str) -> bool:
    """A number whose one comma cannot group thousands: 0,610 or 12,5."""
    return (
        "," in text and grouped_of(text) is None and grouped_of(text.replace(",", ".")) is not None
    )


def exclusive(start: int, end: int) -> int:
    """The end as the first second after the interval: 00:14 is 00:15, 23:59:59 is 24:00.

    No interval is 14 or 59 minutes long, so an end a minute or a second short of a multiple of
    five minutes names the last one inside.
    """
    if end <= start:
        end += DAY
    for last in (60, 1):
        if (end - start + last) % 300 == 0:
            return end + last
    return end


def readings_of(layout: Layout, row: list[str], order: Order | None) -> list[Reading]:
    """The readings of a line.

    Raises:
        RowError: a field is missing or unreadable.
    """
    if layout.clocks:
        return list(_day(layout, row, order))
    if at(layout, row, "unit").lower() not in ("", "kwh"):
        raise RowError("units: not kWh")
    span = _span(layout, row, order)
    notes = at(layout, row, "notes").lower()
    words = (name for word, name in _QUALITIES if word in notes)
    quality = _LETTERS.get(notes) or next(words, "unknown")
    found = []
    for column, index in layout.energies.items():
        direction = _flow(layout, row) if "flow" in layout.roles else column
        text = row[index] if index < len(row) else ""
        kwh = grouped_of(text)
        if kwh is None and text:
            raise RowError("usage: not a number")
        if kwh is not None:
            # A cost beside two directions is that of the import.
            cost = None if direction == "export" else _cost(layout, row)
            # Texas guards the number of a meter from Excel.
            meter = at(layout, row, "meter").removeprefix("'") or None
            found.append(Reading(span, direction, kwh, meter, quality, cost))
    if not found:
        raise RowError("usage: missing")
    return found


def _flow(layout: Layout, row: list[str]) -> str:
    flow = _FLOWS.get(at(layout, row, "flow").lower())
    if flow is None:
        raise RowError("direction: neither consumption nor surplus generation")
    return flow


def _day(layout: Layout, row: list[str], order: Order | None) -> Iterator[Reading]:
    day = _date(layout, row, "date", order)
    count = 0
    for index, minute in layout.clocks.items():
        text = row[index] if index < len(row) else ""
        if not text:
            continue  # the hour that summer time leaves out, or no reading
        kwh = grouped_of(text)
        if kwh is None:
            raise RowError("usage: not a number")
        start = day + timedelta(minutes=minute)
        span = Span(start, start + timedelta(minutes=layout.minutes))
        count += 1
        yield Reading(span, "net", kwh, at(layout, row, "meter") or None, "unknown", None)
    if not count:
        raise RowError("usage: missing")


def _cost(layout: Layout, row: list[str]) -> tuple[Decimal, str | None] | None:
    text = at(layout, row, "cost")
    cost = money_of(text)
    if cost is None and text:
        raise RowError("cost: not an amount")
    return cost


def _span(layout: Layout, row: list[str], order: Order | None) -> Span:
    if "period" in layout.roles or "start" in layout.roles:
        return _ranged(layout, row, order)
    if "start_date" in layout.roles:
        start, last = (_date(layout, row, name, order) for name in ("start_date", "end_date"))
        return _checked(Span(start, last + timedelta(days=1)))
    day = _date(layout, row, "date", order)
    duration = at(layout, row, "duration").lower()
    if "start_time" not in layout.roles or duration == "day":
        return Span(day, day + timedelta(days=1))
    start_seconds = seconds_of(at(layout, row, "start_time"))
    if start_seconds is None:
        raise RowError("start time: not hh:mm")
    start = day + timedelta(seconds=start_seconds)
    if "duration" in layout.roles:
        if not duration.isdecimal() or not 0 < int(duration) <= 44_640:
            raise RowError("duration: not minutes")
        return Span(start, start + timedelta(minutes=int(duration)))
    times = wall_clock(layout, row)
    if times is None:
        raise RowError("end time: not hh:mm")
    return Span(start, day + timedelta(seconds=times[1]))


def _ranged(layout: Layout, row: list[str], order: Order | None) -> Span:
    if "period" in layout.roles:
        first, _, second = at(layout, row, "period").partition(" to ")
    else:
        first, second = at(layout, row, "start"), at(layout, row, "end")
    start, end = zoned_moment(first.strip()), zoned_moment(second.strip())
    if start is not None and end is not None:
        return _checked(Span(start, end, is_utc=True))
    start, end = moment_of(first.strip(), order), moment_of(second.strip(), order)
    if start is None or end is None:
        raise RowError("period: not two local times")
    length = int((end - start).total_seconds())
    return _checked(
        Span(start, start + timedelta(seconds=exclusive(0, length)))
        if length > 0
        else Span(start, end)
    )


def _checked(span: Span) -> Span:
    if not 0 < span.seconds <= 400 * DAY:
        raise RowError("period: ends before it starts, or is longer than a year")
    return span


def _date(layout: Layout, row: list[str], role: str, order: Order | None) -> datetime:
    day = day_of(at(layout, row, role), order)
    if day is None:
        raise RowError(f"{role.replace('_', ' ')}: not a date")
    return datetime(day.year, day.month, day.day)
