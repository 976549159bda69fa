"""Intervals of carbon factors: the year that a file or a record names, or all time.

A factor without a year is a constant to its publisher, who applies it to any date; so it spans the
lake's whole range, where every dated interval is shorter and therefore wins.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePath
from typing import NamedTuple

from tokenworks_sources.contracts.enforce import EARLIEST, LATEST

_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


class Interval(NamedTuple):
    """Start in naive UTC and length."""

    start: datetime
    seconds: int


def year(number: int) -> Interval:
    """A calendar year of UTC.

    >>> year(2024)
    Interval(start=datetime.datetime(2024, 1, 1, 0, 0), seconds=31622400)
    """
    return _between(datetime(number, 1, 1), datetime(number + 1, 1, 1))


def all_time() -> Interval:
    """The range of the lake."""
    return _between(datetime(EARLIEST.year, 1, 1), datetime(LATEST.year, 1, 1))


def year_of_name(name: str) -> int | None:
    """The one year that a file's name holds, else the one that its folder's name holds.

    >>> year_of_name("grid_intensity/google/2024.csv"), year_of_name("mix/2023/canada.json")
    (2024, 2023)
    """
    parts = PurePath(name).parts
    for part in reversed(parts[-2:]):
        found = set(_YEAR.findall(part))
        if len(found) == 1:
            return int(found.pop())
    return None


def is_year(value: object) -> bool:
    """A whole number within the lake's range."""
    return type(value) is int and EARLIEST.year <= value < LATEST.year


def _between(start: datetime, end: datetime) -> Interval:
    return Interval(start, int((end - start).total_seconds()))
