"""Moments of benchmark tools: so many seconds after another one, or nanoseconds since 1970."""

from __future__ import annotations

from datetime import datetime, timedelta

_EPOCH = datetime(1970, 1, 1)


def later(start: datetime, seconds: float | None) -> datetime | None:
    """A time so many seconds later, or None where either is unknown or there is no such time."""
    if seconds is None:
        return None
    try:
        return start + timedelta(microseconds=round(seconds * 1_000_000))
    except OverflowError:
        return None


def instant(nanoseconds: int) -> datetime:
    """Naive UTC of an epoch in nanoseconds, cut to microseconds.

    Raises:
        OverflowError: there is no such time.
    """
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)
