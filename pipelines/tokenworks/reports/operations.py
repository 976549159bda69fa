"""How the fleet ran in the month: the utilisation ladder, latency and energy by tier and region.

Here belong ratios of sums and exact percentiles. Money belongs to `ledger` and `unit_cost`.

Percentiles come from the events themselves: percentiles of days cannot be averaged. The quantile
is the linearly interpolated one (`quantile_cont`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from tokenworks.reports.read import GAUGES, RUNGS

SEGMENT = ("tier", "region")
LATENCIES = ("ttft", "tpot", "queue", "e2e")
# Events that a percentile needs: with fewer than 100 the p99 is the maximum under another name.
PERCENTILES = {50: 1, 95: 1, 99: 100}
JOULES_PER_KWH = 3_600_000


@dataclass(frozen=True)
class Utilisation:
    """GPU-hours by rung and what the GPUs did meanwhile; None is unknown."""

    tier: str
    region: str
    paid: float | None
    assigned: float | None
    ready: float | None
    busy: float | None
    batch_fill: float | None
    gauges: Mapping[str, float | None]

    @property
    def rungs(self) -> tuple[tuple[str, float | None], ...]:
        """The ladder, each rung a share of the one before it."""
        return (
            ("Assigned, of paid", _ratio(self.assigned, self.paid)),
            ("Ready, of assigned", _ratio(self.ready, self.assigned)),
            ("Busy, of ready", _ratio(self.busy, self.ready)),
            ("Batch slots filled, while busy", self.batch_fill),
        )

    @property
    def shares_of_paid(self) -> tuple[tuple[str, float | None], ...]:
        """The same hours, each as a share of those paid for."""
        filled = None
        if self.busy is not None and self.batch_fill is not None:
            filled = self.busy * self.batch_fill
        return (
            ("Assigned", _ratio(self.assigned, self.paid)),
            ("Ready", _ratio(self.ready, self.paid)),
            ("Busy", _ratio(self.busy, self.paid)),
            ("Slots filled", _ratio(filled, self.paid)),
        )


@dataclass(frozen=True)
class Latency:
    """Exact percentiles of one measure over the month's events, in seconds."""

    tier: str
    region: str
    measure: str
    count: int
    seconds: Mapping[int, float | None]


@dataclass(frozen=True)
class Energy:
    """Energy of a segment; ratios stand only on the days whose energy is known."""

    tier: str
    region: str
    accelerator_kwh: float | None
    accelerator_busy_kwh: float | None
    facility_kwh: float | None
    joules_per_output_token: float | None
    watt_hours_per_request: float | None
    carbon_kilograms: float | None


def utilisation(rungs: pl.LazyFrame) -> tuple[Utilisation, ...]:
    """The ladder by tier and region, from `rpt_utilization`.

    Hours of a rung are its ratio times its denominator; GPUs that no deployment holds have only
    the first rung.
    """
    grouped = rungs.group_by(SEGMENT).agg(
        _known_sum("allocation_util_den").alias("paid"),
        *(_numerator(f"{rung}_util").alias(rung) for rung in RUNGS),
        _weighted("batch_fill"),
        *(_weighted(f"mean_{gauge}") for gauge in GAUGES),
    )
    return tuple(
        Utilisation(
            tier=row["tier"] or "",
            region=row["region"] or "",
            paid=row["paid"],
            assigned=row["allocation"],
            ready=row["ready"],
            busy=row["busy"],
            batch_fill=row["batch_fill"],
            gauges={gauge: row[f"mean_{gauge}"] for gauge in GAUGES},
        )
        for row in _rows(grouped)
    )


def latencies(requests: pl.LazyFrame) -> tuple[Latency, ...]:
    """Percentiles by tier, region and measure, over the same requests as `rpt_latency`.

    Those are the requests that succeeded, or of which the emitter does not say how they ended; what the client
    cancelled has begun like them, and has no end.
    """
    answered = pl.col("status").is_in(["success", "unknown"])
    begun = answered | (pl.col("status") == "cancelled")
    aggregates: list[pl.Expr] = []
    for measure in LATENCIES:
        value = (
            pl.col(f"{measure}_seconds")
            .filter(answered if measure == "e2e" else begun)
            .drop_nulls()
        )
        aggregates.append(value.count().alias(f"{measure}_count"))
        aggregates += [
            value.quantile(percentile / 100, "linear").alias(f"{measure}_{percentile}")
            for percentile in PERCENTILES
        ]
    grouped = requests.group_by(SEGMENT).agg(aggregates)
    return tuple(
        Latency(
            tier=row["tier"] or "",
            region=row["region"] or "",
            measure=measure,
            count=row[f"{measure}_count"],
            seconds={
                percentile: row[f"{measure}_{percentile}"]
                if row[f"{measure}_count"] >= least
                else None
                for percentile, least in PERCENTILES.items()
            },
        )
        for row in _rows(grouped)
        for measure in LATENCIES
    )


def energies(energy: pl.LazyFrame) -> tuple[Energy, ...]:
    """Energy by tier and region, from `rpt_energy`, with served tokens and requests of its days."""
    accelerator, facility = pl.col("accelerator_kwh"), pl.col("facility_kwh")
    grouped = energy.group_by(SEGMENT).agg(
        *(
            _known_sum(name)
            for name in (
                "accelerator_kwh",
                "accelerator_busy_kwh",
                "facility_kwh",
                "carbon_location_grams",
            )
        ),
        pl.col("output_total_tokens").filter(accelerator.is_not_null()).sum().alias("tokens"),
        pl.col("served_count").filter(facility.is_not_null()).sum().alias("requests"),
    )
    return tuple(_energy(row) for row in _rows(grouped))


def p95_ttft(found: Sequence[Latency], tier: str, region: str) -> tuple[float | None, int]:
    """The p95 of the first token of a segment, and the number of events that it stands on."""
    for latency in found:
        if (latency.tier, latency.region, latency.measure) == (tier, region, "ttft"):
            return latency.seconds[95], latency.count
    return None, 0


def _energy(row: Mapping[str, Any]) -> Energy:
    accelerator, facility = row["accelerator_kwh"], row["facility_kwh"]
    grams = row["carbon_location_grams"]
    return Energy(
        tier=row["tier"] or "",
        region=row["region"] or "",
        accelerator_kwh=accelerator,
        accelerator_busy_kwh=row["accelerator_busy_kwh"],
        facility_kwh=facility,
        joules_per_output_token=_ratio(_times(accelerator, JOULES_PER_KWH), row["tokens"]),
        watt_hours_per_request=_ratio(_times(facility, 1000), row["requests"]),
        carbon_kilograms=_times(grams, 0.001),
    )


def _rows(grouped: pl.LazyFrame) -> list[dict[str, Any]]:
    return grouped.sort(SEGMENT, nulls_last=True).collect().to_dicts()


def _known_sum(name: str) -> pl.Expr:
    """A sum that is null, not zero, where no value is known."""
    column = pl.col(name)
    return pl.when(column.count() > 0).then(column.sum()).alias(name)


def _numerator(stem: str) -> pl.Expr:
    """The sum of ratio times denominator; an empty denominator adds nothing."""
    ratio, whole = pl.col(f"{stem}_ratio"), pl.col(f"{stem}_den")
    part = pl.when(whole == 0).then(0.0).otherwise(ratio * whole)
    return pl.when(part.count() > 0).then(part.sum())


def _weighted(stem: str) -> pl.Expr:
    """The ratio of sums, over the hours in which the ratio is known."""
    ratio, whole = pl.col(f"{stem}_ratio"), pl.col(f"{stem}_den")
    known = ratio.is_not_null() & (whole > 0)
    hours = whole.filter(known).sum()
    return pl.when(hours > 0).then((ratio * whole).filter(known).sum() / hours).alias(stem)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _ratio(part: float | None, whole: float | Decimal | None) -> float | None:
    return None if part is None or not whole else part / float(whole)
