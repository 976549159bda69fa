"""Moments as RFC 3339 writes them in UTC, in microseconds since 1970."""

from __future__ import annotations

from tokenworks_sources.connectors.json_columns.shape import Bytes
from tokenworks_sources.connectors.json_columns.words import byte_at
from tokenworks_sources.jit import part_of_kernel

_ZERO, _NINE, _BLANK, _DOT, _COLON, _MINUS = 0x30, 0x39, 0x20, 0x2E, 0x3A, 0x2D
_T, _Z, _PLUS = 0x54, 0x5A, 0x2B
# Bytes of `+00` and `+00:00`.
_HOURS, _HOURS_AND_MINUTES = 3, 6
_MONTHS = 0b1010110101010  # bit m: month m has 31 days
_SHORTEST, _DIGITS = 19, 6
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


@part_of_kernel
def instant_at(text: Bytes, begin: int, end: int) -> tuple[int, bool]:
    """The moment `YYYY-MM-DDThh:mm:ss[.ffffff][Z|+00[:00]]` between two bytes, and whether it is one."""
    if end - begin < _SHORTEST:
        return 0, False
    year = _two(text, begin) * 100 + _two(text, begin + 2)
    month, day = _two(text, begin + 5), _two(text, begin + 8)
    hour, minute, second = _two(text, begin + 11), _two(text, begin + 14), _two(text, begin + 17)
    marked = (
        text[begin + 4] == _MINUS
        and text[begin + 7] == _MINUS
        and text[begin + 10] in (_T, _BLANK)
        and text[begin + 13] == _COLON
        and text[begin + 16] == _COLON
    )
    if not marked or hour > 23 or minute > 59 or second > 59 or min(hour, minute, second) < 0:
        return 0, False
    if not _FIRST_YEAR <= year <= _LAST_YEAR or not 1 <= month <= 12:
        return 0, False
    if not 1 <= day <= _days_of(year, month):
        return 0, False
    micro, place = _fraction(text, begin + _SHORTEST, end)
    place = _behind_zone(text, place, end)
    seconds = ((_days_since(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return seconds * 1_000_000 + micro, place == end


@part_of_kernel
def _two(text: Bytes, place: int) -> int:
    """A number of two digits; far below 0 where one is none."""
    first, second = byte_at(text, place) - _ZERO, byte_at(text, place + 1) - _ZERO
    if 0 <= first <= 9 and 0 <= second <= 9:
        return first * 10 + second
    return -100_000


@part_of_kernel
def _fraction(text: Bytes, place: int, end: int) -> tuple[int, int]:
    """Microseconds behind a dot, and the byte behind them; the dot itself where there are none."""
    if place >= end or text[place] != _DOT:
        return 0, place
    micro, digits = 0, 0
    while place + 1 + digits < end and digits < _DIGITS:
        digit = byte_at(text, place + 1 + digits) - _ZERO
        if not 0 <= digit <= 9:
            break
        micro = micro * 10 + digit
        digits += 1
    if digits == 0:
        return 0, place
    for _ in range(_DIGITS - digits):
        micro *= 10
    return micro, place + 1 + digits


@part_of_kernel
def _behind_zone(text: Bytes, place: int, end: int) -> int:
    """Behind what says that a moment is UTC; where nothing does, it is, too."""
    if place < end and text[place] == _Z:
        return place + 1
    left = end - place
    is_utc = left >= _HOURS and text[place] == _PLUS and _two(text, place + 1) == 0
    if left == _HOURS_AND_MINUTES:
        minutes = place + _HOURS
        is_utc = is_utc and text[minutes] == _COLON and _two(text, minutes + 1) == 0
    return end if is_utc and left in (_HOURS, _HOURS_AND_MINUTES) else place


@part_of_kernel
def _days_of(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 + (_MONTHS >> month & 1)


@part_of_kernel
def _days_since(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of the Gregorian calendar; a year begins with March here."""
    if month <= 2:
        year, month = year - 1, month + 12
    return (
        365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469
    )
