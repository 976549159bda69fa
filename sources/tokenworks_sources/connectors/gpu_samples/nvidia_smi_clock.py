"""The clock of nvidia-smi: local time of the host, without a zone.

A wrong zone would move every joule by hours without a trace, so the zone is never assumed: it is
declared, or worked out from a UTC time beside a local one. Pure.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import PurePath
from zoneinfo import ZoneInfo

_LOCAL = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_C_TIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OFFSET = re.compile(r"(?:UTC)?([+-])(\d{1,2}):?(\d{2})?", re.IGNORECASE)
_IN_NAME = re.compile(r"(?<![A-Za-z])UTC(?:([+-])(\d{2}):?(\d{2}))?(?![A-Za-z0-9])", re.IGNORECASE)
_QUARTER = timedelta(minutes=15)
# A zone is a whole number of quarter hours; a capture takes seconds to reach its first reading.
_TOLERANCE = timedelta(minutes=5)


class ClockError(ValueError):
    """A time that does not say when it was."""


def zone_of(text: str) -> tzinfo | None:
    """The zone of an IANA name, `UTC` or an offset such as +02:00; None where it is none."""
    if text.upper() in ("UTC", "Z"):
        return UTC
    match = _OFFSET.fullmatch(text)
    if match:
        return _offset(match[1], match[2], match[3])
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return None


def zone_in_name(name: str) -> tzinfo | None:
    """The zone that a file name declares, such as `gpu-us-1.UTC.csv` or `day-1.UTC+0200.csv`."""
    match = _IN_NAME.search(PurePath(name).name)
    if match is None:
        return None
    return _offset(match[1], match[2], match[3]) if match[1] else UTC


def zone_said(in_file: str | None, name: str, beside: str | None) -> tzinfo | None:
    """The zone that is said nearest to the times: in the file, in its name, or beside it."""
    if in_file:
        return zone_of(in_file)
    return zone_in_name(name) or (zone_of(beside) if beside else None)


def zone_by_anchor(local: datetime, instant: datetime) -> tzinfo:
    """The offset of a host whose clock showed `local` at `instant`, give or take five minutes.

    Raises:
        ClockError: the difference is no whole number of quarter hours.
    """
    difference = local.replace(tzinfo=UTC) - instant
    offset = round(difference / _QUARTER) * _QUARTER
    if abs(difference - offset) > _TOLERANCE or abs(offset) > timedelta(hours=14):
        raise ClockError(f"the local time {local} does not fit the collection time {instant}")
    return timezone(offset)


def local_time(text: str) -> datetime:
    """A timestamp such as `2024/04/05 06:17:19.635`, without a zone.

    Raises:
        ClockError: it is none.
    """
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise ClockError("timestamp: not YYYY/MM/DD HH:MM:SS.mmm")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    micros = int((match[7] or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micros)
    except ValueError as error:
        raise ClockError(f"timestamp: {error}") from error


def c_time(text: str) -> datetime:
    """A timestamp as C's `ctime` writes it, `Fri Aug  4 11:44:30 2023`, without a zone.

    Raises:
        ClockError: it is none.
    """
    match = _C_TIME.fullmatch(text)
    if match is None or match[1] not in _MONTHS:
        raise ClockError("timestamp: not Www Mmm dd HH:MM:SS YYYY")
    day, hour, minute, second, year = (int(part) for part in match.groups()[1:])
    try:
        return datetime(year, _MONTHS.index(match[1]) + 1, day, hour, minute, second)
    except ValueError as error:
        raise ClockError("timestamp: no such day or time") from error


def to_utc(local: datetime, zone: tzinfo) -> datetime:
    """The instant of a local time, as a naive UTC time.

    Raises:
        ClockError: the zone has the local time twice, or skips it.
    """
    aware = local.replace(tzinfo=zone)
    first, second = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    if first != second:
        is_twice = first is not None and second is not None and first > second
        raise ClockError(
            "timestamp: the zone has this local time twice"
            if is_twice
            else "timestamp: the zone skips this local time"
        )
    return aware.astimezone(UTC).replace(tzinfo=None)


def _offset(sign: str, hours: str, minutes: str | None) -> tzinfo:
    size = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-size if sign == "-" else size)
