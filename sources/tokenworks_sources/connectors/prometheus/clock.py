"""Where the time and the instance of a scrape come from when its samples do not say.

Pure functions over text and file names. A time without a zone is no time: it is never read as UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds since the epoch; outside these an epoch was read in the wrong unit.
EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000

_COMPRESSION = (".gz", ".zst")
_EXTENSION = re.compile(r"\.(prom|txt|metrics|ini|om|openmetrics|csv|log)$", re.IGNORECASE)
_ZONE = r"(?:Z|[+-]\d{2}:?\d{2})"
_IN_NAME = (
    re.compile(rf"(?<!\d)\d{{8}}T\d{{6}}(?:\.\d+)?{_ZONE}"),
    re.compile(
        rf"(?<!\d)\d{{4}}-\d{{2}}-\d{{2}}T\d{{2}}[:_-]?\d{{2}}[:_-]?\d{{2}}(?:\.\d+)?{_ZONE}"
    ),
    # Epoch seconds or milliseconds until 2033; 20... would as well be a date and an hour.
    re.compile(r"(?<!\d)1(?:\d{12}|\d{9})(?!\d)"),
)
_LOOSE = re.compile(r"(?<=-)(\d{2}T\d{2})[:_-]?(\d{2})[:_-]?(\d{2})")


def parse_time(text: str) -> int | None:
    """Microseconds since the epoch of an ISO time with a zone, or of an epoch of any usual unit.

    >>> parse_time("2026-10-01T00:05:00Z") == parse_time("1790813100000")
    True
    >>> parse_time("2026-10-01T00:05:00") is None
    True
    """
    epoch = _epoch_micros(text)
    if epoch is not None:
        return epoch if EARLIEST <= epoch < LATEST else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return micros if EARLIEST <= micros < LATEST else None


def _epoch_micros(text: str) -> int | None:
    """An epoch by its magnitude: seconds, then milli, micro and nanoseconds."""
    if "T" in text or "_" in text:
        return None
    try:
        number = int(text) if text.isdigit() else float(text)
    except ValueError:
        return None
    if not abs(number) < 1e19:
        return None
    if number > 1e17:
        return int(number) // 1000
    scale = 1 if number > 1e14 else 1_000 if number > 1e11 else 1_000_000
    return round(number * scale)


def time_in_name(name: str) -> int | None:
    """The time that a file name gives, None where it gives none.

    >>> time_in_name("gpu-us-1/20261001T000500Z.prom.gz") == parse_time("2026-10-01T00:05:00Z")
    True
    """
    found = _find_time(_stem(name))
    return parse_time(_LOOSE.sub(r"\1:\2:\3", found)) if found else None


def instance_of_path(name: str, landing_folders: tuple[str, ...]) -> str | None:
    """The instance that a path names: its folder, else the file name without its time.

    Args:
        name: path relative to the landing folder.
        landing_folders: folders of the connector, which are no instance.
    """
    folder = PurePath(name).parent.name
    if folder and folder not in landing_folders:
        return folder
    stem = _stem(name)
    found = _find_time(stem)
    return (stem.replace(found, "") if found else stem).strip("._- ") or None


def _stem(name: str) -> str:
    stem = PurePath(name).name
    for suffix in _COMPRESSION:
        stem = stem.removesuffix(suffix)
    return _EXTENSION.sub("", stem)


def _find_time(stem: str) -> str | None:
    for pattern in _IN_NAME:
        match = pattern.search(stem)
        if match:
            return match.group()
    return None
