"""Local times without a zone: a zone that a person names, and a clock that minds summer time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Clock = Callable[[datetime], datetime]

_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)")


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name, `UTC` or an offset such as `-07:00`.

    Raises:
        ValueError: it is none.
    """
    fixed = _OFFSET.fullmatch(name)
    if fixed:
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-offset if fixed[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError("no time zone") from error


def clock_of(zone: tzinfo) -> Clock:
    """Local time to naive UTC for samples in the order of time."""
    previous = datetime.min

    def clock(local: datetime) -> datetime:
        # The hour that clocks repeat in autumn: the second pass would otherwise lie before the first.
        nonlocal previous
        passes = [
            local.replace(tzinfo=zone, fold=fold).astimezone(UTC).replace(tzinfo=None)
            for fold in (0, 1)
        ]
        chosen = passes[0] if passes[0] >= previous else max(passes)
        previous = max(previous, chosen)
        return chosen

    return clock
