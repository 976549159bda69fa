"""A period's hours by the days of a time zone: 23 and 25 hours where clocks change.

Here belongs the split of the very hours that the report covers, so that local days sum to the period's
bills; the first and the last of them lie only partly in it. Whole local days, which do not sum to a period of
UTC hours, belong to `local_days`. An hour belongs to the local date on which it begins.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo

import polars as pl

from tokenworks.reports.ledger import CurrencyLedger
from tokenworks.reports.money import Key, from_minor, post, to_units
from tokenworks.reports.period import Period

_HOUR = timedelta(hours=1)
_DAY = "local_day"
# Requests, input and output tokens.
Counts: TypeAlias = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class LocalDay:
    """What a local date has of the period.

    Attributes:
        day: the local date.
        begins: the first UTC hour that begins on it.
        hours: how many hours it has.
        hours_here: how many of them the period has.
        requests: those that began in these hours; None where nothing is published of them.
        input_tokens: their input; None where none is known.
        output_tokens: their output.
        amounts: cost of these hours by currency, in minor units; None likewise.
    """

    day: date
    begins: datetime
    hours: int
    hours_here: int
    requests: int | None
    input_tokens: int | None
    output_tokens: int | None
    amounts: Mapping[str, Decimal | None]


@dataclass(frozen=True)
class LocalDays:
    """All of them; their amounts sum to the ledgers."""

    zone: str
    days: tuple[LocalDay, ...]


def in_zone(moment: datetime | None, zone: str | None) -> datetime | None:
    """What a clock in a zone shows at a UTC time; the same where no zone is asked for.

    >>> in_zone(datetime(2026, 11, 1, 6), "America/New_York").isoformat()
    '2026-11-01T01:00:00'
    """
    if moment is None or zone is None:
        return moment
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def span_text(period: Period, zone: str) -> str:
    """The period's bounds as a clock in the zone shows them, with its offsets."""
    bounds = (
        datetime.combine(day, time(), UTC).astimezone(ZoneInfo(zone))
        for day in (period.start, period.end)
    )
    return " to ".join(bound.isoformat(sep=" ", timespec="minutes") for bound in bounds)


def local_days(
    ledger: pl.LazyFrame,
    requests: pl.LazyFrame,
    ledgers: Sequence[CurrencyLedger],
    period: Period,
    zone: str,
) -> LocalDays:
    """The period's hours by local date.

    Args:
        ledger: rows of the period, with `hour_start`.
        requests: those of the period, with `started_at`.
        ledgers: the posted totals that the days sum to.
        period: whose UTC hours are split.
        zone: IANA name.
    """
    hours = _hours(datetime.combine(period.start, time()), datetime.combine(period.end, time()))
    here = Counter(_day(hour, zone) for hour in hours)
    around = (hours[0] - timedelta(days=2), hours[-1] + timedelta(days=2))
    whole: dict[date, list[datetime]] = defaultdict(list)
    for hour in _hours(*around):
        whole[_day(hour, zone)].append(hour)
    costs = {one.currency: _posted(ledger, one.currency, zone, here) for one in ledgers}
    served = _served(requests, zone)
    booked = ledger.select(_local_day("hour_start", zone)).unique().collect()[_DAY]
    # A day of which nobody published anything did not cost 0.
    known = served.keys() | set(booked)
    none_here: Counts = (0, None, None)
    unknown: Counts = (None, None, None)
    return LocalDays(
        zone,
        tuple(
            LocalDay(
                day,
                whole[day][0],
                len(whole[day]),
                count,
                *served.get(day, none_here if day in known else unknown),
                {
                    currency: amounts[day] if day in known else None
                    for currency, amounts in costs.items()
                },
            )
            for day, count in sorted(here.items())
        ),
    )


def _hours(first: datetime, end: datetime) -> list[datetime]:
    return [first + hour * _HOUR for hour in range((end - first) // _HOUR)]


def _day(hour: datetime, zone: str) -> date:
    local = in_zone(hour, zone)
    assert local is not None
    return local.date()


def _local_day(column: str, zone: str) -> pl.Expr:
    """Local date of the UTC hour of a time."""
    hour = pl.col(column).dt.truncate("1h").dt.replace_time_zone("UTC")
    return hour.dt.convert_time_zone(zone).dt.date().alias(_DAY)


def _posted(
    ledger: pl.LazyFrame, currency: str, zone: str, days: Mapping[date, int]
) -> dict[date, Decimal]:
    """Cost of one currency by local date, in minor units that sum to its rounded total."""
    sums = (
        ledger.filter(pl.col("currency") == currency)
        .group_by(_local_day("hour_start", zone))
        .agg(pl.col("cost").sum())
        .collect()
    )
    units: dict[Key, int] = {(day.isoformat(),): 0 for day in days}
    units |= {(day.isoformat(),): to_units(cost) for day, cost in sums.iter_rows()}
    minor = post(units, currency)
    return {date.fromisoformat(day): from_minor(part, currency) for (day,), part in minor.items()}


def _served(requests: pl.LazyFrame, zone: str) -> dict[date, Counts]:
    tokens = [
        # A sum of what nobody knows is not 0.
        pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)
        for name in ("input_total_tokens", "output_total_tokens")
    ]
    found = requests.group_by(_local_day("started_at", zone)).agg(pl.len(), *tokens).collect()
    return {day: (count, given, made) for day, count, given, made in found.iter_rows()}
