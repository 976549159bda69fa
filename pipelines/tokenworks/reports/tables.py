"""Every table of a month's report, as plain data.

Here the tables come together; each is found in the module that names its figures. Neither a
workbook nor a page computes anything that is not here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from tokenworks.reports.chargeback import (
    Chargeback,
    Policy,
    chargebacks,
    policy,
    uncharged,
    unshared,
)
from tokenworks.reports.charges import ChargeLine, charge_lines
from tokenworks.reports.corrections import Correction, corrections
from tokenworks.reports.formatting import listed
from tokenworks.reports.headline import HeadlineRow, headline_rows
from tokenworks.reports.ledger import CurrencyLedger, ledgers
from tokenworks.reports.operations import (
    SEGMENT,
    Energy,
    Latency,
    Utilisation,
    energies,
    latencies,
    utilisation,
)
from tokenworks.reports.period import Period
from tokenworks.reports.quality import Quality, quality
from tokenworks.reports.read import Marts
from tokenworks.reports.unit_cost import SegmentCost, unit_costs
from tokenworks.reports.variance import Bridge, bridge
from tokenworks.reports.zoned import LocalDays, in_zone, local_days, span_text


@dataclass(frozen=True)
class ReconciliationRow:
    """One check of the books: what was expected, what was found."""

    check: str
    subject: str
    period_start: datetime | None
    unit: str
    expected: Decimal | None
    actual: Decimal | None
    is_balanced: bool | None

    @property
    def difference(self) -> Decimal | None:
        """Found minus expected."""
        if self.expected is None or self.actual is None:
            return None
        return self.actual - self.expected

    @property
    def verdict(self) -> str:
        """In words."""
        return {True: "balanced", False: "NOT BALANCED", None: "unknown"}[self.is_balanced]


@dataclass(frozen=True)
class CheckSummary:
    """All rows of one check in one unit."""

    check: str
    unit: str
    count: int
    balanced: int
    expected: Decimal | None
    actual: Decimal | None

    @property
    def verdict(self) -> str:
        """In words."""
        return "balanced" if self.balanced == self.count else f"{self.count - self.balanced} open"


@dataclass(frozen=True)
class Window:
    """The month asked for, and the days of it that have data."""

    period: Period
    first_day: date
    last_day: date
    days_with_data: int
    zone: str | None = None

    @property
    def text(self) -> str:
        """In words."""
        days = f"{self.days_with_data} of {self.period.days} days"
        local = f" ({span_text(self.period, self.zone)}, {self.zone})" if self.zone else ""
        return (
            f"{self.period.start} 00:00 to {self.period.end} 00:00 UTC{local}; "
            f"data on {days}, {self.first_day} to {self.last_day}{self.period.note}"
        )


@dataclass(frozen=True)
class ReportTables:
    """All that a report of a month shows.

    `unit_cost` is by model, tier and region; `segments` is the same by tier and region, of those
    that had a request.
    """

    window: Window
    request_count: int
    headline: tuple[HeadlineRow, ...]
    ledgers: tuple[CurrencyLedger, ...]
    chargebacks: tuple[Chargeback, ...]
    policy: Policy
    uncharged: tuple[str, ...]
    bridge: Bridge | None
    charges: tuple[ChargeLine, ...]
    corrections: tuple[Correction, ...]
    unit_cost: tuple[SegmentCost, ...]
    segments: tuple[SegmentCost, ...]
    utilisation: tuple[Utilisation, ...]
    latency: tuple[Latency, ...]
    energy: tuple[Energy, ...]
    reconciliation: tuple[ReconciliationRow, ...]
    quality: Quality
    local_days: LocalDays | None = None

    @property
    def policy_text(self) -> str:
        """Who bears idle and overhead, and where nobody could."""
        alone = unshared(self.chargebacks, self.policy)
        said = (
            f" Nobody has served cost above 0 in {listed(alone)}: its idle and overhead stay with the "
            "platform."
            if alone
            else ""
        )
        return f"{self.policy.text}{said}"

    @property
    def unbalanced(self) -> tuple[ReconciliationRow, ...]:
        """Checks that do not hold or could not be made."""
        return tuple(row for row in self.reconciliation if row.is_balanced is not True)


def build_tables(marts: Marts, period: Period, zone: str | None = None) -> ReportTables:
    """Compute every table of a month; with a time zone, the days and times that it shows too."""
    books = ledgers(marts.ledger)
    latency = latencies(marts.requests)
    segments = unit_costs(marts.unit_cost, SEGMENT)
    return ReportTables(
        window=_window(marts, period, zone),
        request_count=int(marts.requests.select(pl.len()).collect().item()),
        headline=headline_rows(segments, latency),
        ledgers=books,
        chargebacks=chargebacks(marts.chargeback, books),
        policy=policy(marts.chargeback),
        uncharged=uncharged(marts.chargeback),
        bridge=bridge(marts.variance),
        charges=charge_lines(marts.ledger, books, marts.charges),
        corrections=corrections(marts.corrections),
        unit_cost=unit_costs(marts.unit_cost, ("model", "tier", "region")),
        segments=tuple(segment for segment in segments if segment.request_count),
        utilisation=utilisation(marts.utilization),
        latency=latency,
        energy=energies(marts.energy),
        reconciliation=_reconciliation(marts.reconciliation, zone),
        quality=quality(marts.requests, marts.ledger, marts.deployment_hours),
        local_days=local_days(marts.ledger, marts.requests, books, period, zone) if zone else None,
    )


def check_summaries(rows: Sequence[ReconciliationRow]) -> tuple[CheckSummary, ...]:
    """Checks by name and unit; a sum is unknown where one of its terms is."""
    groups: dict[tuple[str, str], list[ReconciliationRow]] = defaultdict(list)
    for row in rows:
        groups[row.check, row.unit].append(row)
    return tuple(
        CheckSummary(
            check=check,
            unit=unit,
            count=len(found),
            balanced=sum(row.is_balanced is True for row in found),
            expected=_sum([row.expected for row in found]),
            actual=_sum([row.actual for row in found]),
        )
        for (check, unit), found in sorted(groups.items())
    )


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


def _window(marts: Marts, period: Period, zone: str | None) -> Window:
    days = pl.concat([marts.requests.select("event_date"), marts.ledger.select("event_date")])
    row = (
        days.select(
            pl.col("event_date").min().alias("first"),
            pl.col("event_date").max().alias("last"),
            pl.col("event_date").n_unique().alias("days"),
        )
        .collect()
        .row(0, named=True)
    )
    return Window(period, row["first"], row["last"], int(row["days"]), zone)


def _reconciliation(frame: pl.LazyFrame, zone: str | None) -> tuple[ReconciliationRow, ...]:
    return tuple(
        ReconciliationRow(
            check=row["check_name"],
            subject=row["subject"] or "",
            period_start=in_zone(row["period_start"], zone),
            unit=row["currency"] or row["unit"] or "",
            expected=row["expected"],
            actual=row["actual"],
            is_balanced=row["is_balanced"],
        )
        for row in frame.collect().iter_rows(named=True)
    )
