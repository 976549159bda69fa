"""Alarms of the published warehouse as plain data, and how they read.

What alarms is decided in SQL (`rpt_alarms`). What Dagster makes of it lives in `checks/alarms.py`, what the
command line says in `cli/alarms.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from tokenworks_sources.errors import TokenworksError

# What is older has been seen, or is nobody's concern any more.
RECENT_DAYS = 7
# A meter's file of yesterday lands today, a provider's report of it too.
DAYS_BEHIND = 1

KINDS = {
    "telemetry_coverage": "Tokens of the requests against counters of the engines, hour by hour.",
    "missing_scrapes": "Scrapes and samples against the cadence that their series shows.",
    "clock_skew": "Clocks of emitters that saw the same call, and times that run backwards.",
    "latency_anomaly": "95th percentiles against the same hour of past weeks.",
    "unit_cost_anomaly": "Cost per output token against the same hour of past weeks.",
    "idle_share": "Idle share of a deployment's day against the limit of `fleet.yaml`.",
    "meter_gap": "Hours that a site's meter was not read for.",
    "energy_gap": "Energy counters of GPUs against the energy of their power.",
}


class NoAlarmsError(TokenworksError):
    """What is published does not know alarms."""


@dataclass(frozen=True)
class Alarm:
    """One row of `rpt_alarms`."""

    event_date: date
    alarm: str
    subject: str
    cause: str
    since: datetime
    expected: float
    actual: float
    unit: str
    query: str

    @property
    def sized(self) -> str:
        """What was found, against what was expected where that is anything."""
        against = f" against {_number(self.expected)}" if self.expected else ""
        return f"{_number(self.actual)}{against} {self.unit}"

    @property
    def message(self) -> str:
        """The alarm as a sentence."""
        return f"{self.subject}: {self.cause}, {self.sized} since {self.since:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Alarms:
    """What a published warehouse alarms about.

    Attributes:
        newest: the last date that has requests or deployment hours; None where there is none.
        alarms: all alarms, the latest first and of a date the largest kind by name.
    """

    newest: date | None
    alarms: tuple[Alarm, ...]

    def recent(self, days: int = RECENT_DAYS) -> list[Alarm]:
        """Alarms of the last days that have books."""
        if self.newest is None:
            return list(self.alarms)
        known_days = (self.newest - date.min).days
        first = self.newest - timedelta(days=min(days - 1, known_days))
        return [alarm for alarm in self.alarms if alarm.event_date >= first]


def read_alarms(database: Path) -> Alarms:
    """The alarms of a published file.

    Raises:
        NoAlarmsError: an earlier version published it.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        try:
            newest = connection.execute(
                "select max(event_date) from (select max(event_date) as event_date from fct_requests "
                "union all select max(event_date) from fct_deployment_hours)"
            ).fetchone()
            rows = connection.execute(
                "select event_date, alarm, subject, cause, since, expected, actual, unit, query "
                "from rpt_alarms order by event_date desc, alarm, subject, cause"
            ).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise NoAlarmsError(
                f"{database}: has no rpt_alarms as it is now, so an earlier version published it. "
                "Run `tokenworks build`."
            ) from error
    return Alarms(newest[0] if newest else None, tuple(Alarm(*row) for row in rows))


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def of_kind(alarms: Iterable[Alarm], kind: str) -> list[Alarm]:
    """Alarms of one kind."""
    return [alarm for alarm in alarms if alarm.alarm == kind]


def behind(newest: date | None, today: date) -> str | None:
    """A sentence where the books end earlier than a running fleet's do."""
    if newest is None:
        return "the books have no date yet"
    days = (today - newest).days
    if days <= DAYS_BEHIND:
        return None
    return f"the books end at {newest.isoformat()}, {days} days ago"
