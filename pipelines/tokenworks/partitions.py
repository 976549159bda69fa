"""Partitions: UTC days of the lake, months of the reports, days and scenarios of the replay.

Belongs here: the definitions and their start. Which dates a landing file touches is only known once
it is read; see `assets/lake.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date

import dagster as dg

from tokenworks_sources.errors import TokenworksError

# Dimensions of the replays.
DAY, SCENARIO = "day", "scenario"
START_VARIABLE = "TOKENWORKS_START"
# Two years of days keep the partition bar readable; older books set the variable.
DEFAULT_START = date(2025, 1, 1)


class StartDateError(TokenworksError):
    """A start of the partitions that is no date."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{START_VARIABLE} is {text!r}; write a date such as 2025-01-01.")


def start_from_environment() -> date:
    """First day of the books, from `TOKENWORKS_START`."""
    text = os.environ.get(START_VARIABLE)
    if not text:
        return DEFAULT_START
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StartDateError(text) from None


def days(start: date) -> dg.DailyPartitionsDefinition:
    """UTC event dates from `start` until today, today included."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone="UTC", end_offset=1)


def months(start: date) -> dg.MonthlyPartitionsDefinition:
    """Whole UTC months from that of `start` on, the running month included."""
    first = start.replace(day=1).isoformat()
    return dg.MonthlyPartitionsDefinition(start_date=first, timezone="UTC", end_offset=1)


def replays(
    by_day: dg.DailyPartitionsDefinition, names: Sequence[str]
) -> dg.MultiPartitionsDefinition:
    """Replays by UTC day and scenario."""
    scenarios = dg.StaticPartitionsDefinition(list(names))
    return dg.MultiPartitionsDefinition({DAY: by_day, SCENARIO: scenarios})
