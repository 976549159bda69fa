"""Local times without a zone: a zone that a person names, and a clock that minds summer time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import xxhash

from tokenworks_sources.errors import LandingFileError

Clock = Callable[[datetime], datetime]

# Names the zone of the files beside it.
ZONE_FILE = "timezone.txt"

_OFFSET = re.compile(r"^([+-])(\d\d):(\d\d)$")


def zone_file_of(path: Path) -> Path | None:
    """The file beside a data file that names its zone, if there is one."""
    named = path.parent / ZONE_FILE
    return named if named.is_file() else None


def needed_zone_file(path: Path, times: str, example: str) -> Path:
    """The zone file beside a data file that cannot be read without one.

    Args:
        path: the data file.
        times: what is local in it, for the error: "its times are local".
        example: a zone that fits such files.

    Raises:
        LandingFileError: there is none.
    """
    named = zone_file_of(path)
    if named is None:
        raise LandingFileError(
            path,
            f"{times}, and nothing says of which zone.",
            f"Lay a file {ZONE_FILE} beside it, for example {example}.",
        )
    return named


def version_with(version: str, sidecar: Path | None) -> str:
    """A connector's version with the digest of what names or proves the zone."""
    if sidecar is None:
        return version
    return f"{version}-{xxhash.xxh3_64_hexdigest(sidecar.read_bytes())}"


def zone_name_of(named: Path) -> str:
    """The first line of a zone file."""
    try:
        return (named.read_text(encoding="utf-8").split("\n") or [""])[0].strip()[:64]
    except (UnicodeDecodeError, OSError) as error:
        raise LandingFileError(named, "it cannot be read.", "Write it as UTF-8 text.") from error


def date_order_of(named: Path) -> Literal["month", "day"] | None:
    """Which part of a date comes first, where the second line of a zone file says so."""
    zone_name_of(named)  # refuses what is no text
    second = named.read_text(encoding="utf-8").split("\n")[1:2]
    words = second[0].strip().upper() if second else ""
    if words.startswith("MM/DD"):
        return "month"
    return "day" if words.startswith("DD/MM") else None


def zone_of(named: Path) -> tzinfo:
    """The zone that a file names: an IANA name, `UTC` or an offset such as `-07:00`."""
    text = zone_name_of(named)
    try:
        fixed = _OFFSET.match(text)
        if fixed:
            offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
            return timezone(-offset if fixed[1] == "-" else offset)
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LandingFileError(
            named, f"{text!r} is no time zone.", "Write UTC, -07:00 or a name like Europe/Berlin."
        ) from error


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
