"""Time in the sample: seconds since its start, and how they are written.

Belongs here: the start of the sample and conversions. The simulation counts seconds from the start,
as floats; everything that leaves it is rounded to whole milliseconds first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

START = datetime(2026, 10, 19, tzinfo=UTC)
START_EPOCH = int(START.timestamp())
HOUR = 3600
DAY = 86_400
QUARTER = 900


def at(seconds: float) -> datetime:
    """The UTC instant, to the millisecond."""
    return START + timedelta(milliseconds=round(seconds * 1000))


def iso_ms(seconds: float) -> str:
    """The instant as the gateway writes it: three decimals and Z."""
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def iso(seconds: float) -> str:
    """The instant to the second, with Z."""
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_name(day: int) -> str:
    """UTC date of the n-th day, counted from 0."""
    return (START + timedelta(days=day)).strftime("%Y-%m-%d")


def offset_of(moment: datetime) -> float:
    """Seconds since the start of an instant that knows its zone."""
    return (moment - START).total_seconds()


def local(seconds: float, zone: str) -> datetime:
    """Wall clock of a zone."""
    return at(seconds).astimezone(ZoneInfo(zone))


def local_midnight(zone: str, year: int, month: int, day: int) -> float:
    """Seconds since the start at which a local day begins."""
    return offset_of(datetime(year, month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC))
