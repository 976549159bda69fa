"""Deltas with their p10, p50 and p90.

Two sources of doubt are drawn together. Other hours: a block bootstrap over hours, the same
draws for both plays. The model: its error against history, drawn from a Student t and applied to
what the scenario changes. For requests that move, the errors at both ends are independent; for
requests that stay, the same law errs on both sides, so only the difference is in doubt. Not
modelled: other demand because of other prices or latency.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.bootstrap import (
    hour_counts,
    resampled_quantiles,
    resampled_quotients,
)
from tokenworks.replay.estimates.capacity import hours_of
from tokenworks.replay.estimates.metrics import Metric
from tokenworks.replay.estimates.quantities import (
    comparable_rows,
    metric_scale,
    part_of,
    value_of,
)
from tokenworks.replay.stage import Played, Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_FREEDOM = 3
#: Least relative error of latencies that a law tells of work it has not served: the bias between
#: runs of one deployment, which the backtest on its own traffic does not show.
LEAST_LATENCY_ERROR = 0.05


@dataclass(frozen=True)
class Estimate:
    """One number of the result, before and after; null where unknown."""

    segment: str
    metric: str
    unit: str
    definition: str
    history: float | None
    no_change: float | None
    scenario: float | None
    delta: float | None
    delta_p10: float | None
    delta_p50: float | None
    delta_p90: float | None
    request_count: int


@dataclass(frozen=True)
class Comparison:
    """Two plays of one traffic and the draws that both share.

    Attributes:
        stage: the traffic.
        baseline, scenario: the plays.
        reported: requests that the result speaks of.
        first_hour: UTC hour of the first of them, counted from the first of the traffic.
        hour: hour of each request, counted from `first_hour`; 0 for the hours of warm-up.
        counts: how often each draw holds each hour.
        generator: further draws.
    """

    stage: Stage
    baseline: Played
    scenario: Played
    reported: Mask
    first_hour: int
    hour: Ints
    counts: Ints
    generator: np.random.Generator

    @classmethod
    def of(
        cls, stage: Stage, baseline: Played, scenario: Played, reported: Mask, seed: int
    ) -> Comparison:
        """Prepare the draws for a seed."""
        hour = hours_of(stage)
        first = int(hour[np.argmax(reported)])
        hour = np.maximum(hour - first, 0)
        counts = hour_counts(int(hour.max()) + 1, seed)
        generator = np.random.default_rng([seed, 1])
        return cls(stage, baseline, scenario, reported, first, hour, counts, generator)

    @property
    def has_selection(self) -> bool:
        """Whether the result leaves out requests beside those that only warm up."""
        return not bool(self.reported[int(np.argmax(self.reported)) :].all())

    @property
    def moved(self) -> Mask:
        """Requests that change deployment."""
        changed: Mask = self.baseline.deployment != self.scenario.deployment
        return changed

    def doubt(self, error: float, exposure: float) -> Floats:
        """The model's error on what the scenario changes, drawn from a Student t."""
        freedom = max(LEAST_FREEDOM, int(self.hour.max()) // 24)
        drawn: Floats = self.generator.standard_t(freedom, size=len(self.counts))
        return error * exposure * drawn


@dataclass(frozen=True)
class Segment:
    """Requests that one row speaks of: in the no-change replay, and in the scenario."""

    name: str
    before: Mask
    after: Mask


def estimate(compared: Comparison, metric: Metric, error: float, segment: Segment) -> Estimate:
    """One metric over one segment.

    Args:
        compared: the two plays.
        metric: what is measured.
        error: relative error of the model for this metric, from the backtest.
        segment: the requests.

    Returns:
        Values, delta and interval.
    """
    stage, plays = compared.stage, [compared.baseline, compared.scenario]
    rows = comparable_rows(stage, metric, plays)
    counted = Segment(segment.name, rows & segment.before, rows & segment.after)
    old = value_of(stage, compared.baseline, metric, counted.before)
    new = value_of(stage, compared.scenario, metric, counted.after)
    delta = None if old is None or new is None else new - old
    interval: tuple[float | None, float | None, float | None] = (None, None, None)
    if delta is not None:
        interval = _interval(compared, metric, error, counted)
    return Estimate(
        segment=segment.name,
        metric=metric.name,
        unit=metric.unit,
        definition=metric.definition,
        history=value_of(stage, stage.recorded, metric, counted.before),
        no_change=old,
        scenario=new,
        delta=delta,
        delta_p10=interval[0],
        delta_p50=interval[1],
        delta_p90=interval[2],
        request_count=int(counted.after.sum()),
    )


def _interval(
    compared: Comparison, metric: Metric, error: float, segment: Segment
) -> tuple[float | None, float | None, float | None]:
    old = _draws(compared, compared.baseline, metric, segment.before)
    new = _draws(compared, compared.scenario, metric, segment.after)
    exposure = _exposure(compared, metric, segment.before, segment.after)
    if metric.family == "latency":
        error = max(error, LEAST_LATENCY_ERROR)
    return low_mid_high(new - old + compared.doubt(error, exposure))


def low_mid_high(shift: Floats) -> tuple[float | None, float | None, float | None]:
    """p10, p50 and p90 of draws; null where none is known."""
    known = shift[~np.isnan(shift)]
    if not known.size:
        return None, None, None
    low, mid, high = np.quantile(known, [0.1, 0.5, 0.9]).tolist()
    return low, mid, high


def _draws(compared: Comparison, played: Played, metric: Metric, rows: Mask) -> Floats:
    part = part_of(compared.stage, played, metric.part)[rows]
    hour = compared.hour[rows]
    if metric.quantile is not None:
        return resampled_quantiles(compared.counts, hour, part, metric.quantile)
    divisor = part_of(compared.stage, played, metric.per)[rows] if metric.per else None
    scale = metric_scale(compared.stage, metric)
    return scale * resampled_quotients(compared.counts, hour, part, divisor)


def _exposure(compared: Comparison, metric: Metric, before: Mask, after: Mask) -> float:
    """Size of what the model's error acts on, in the metric's unit."""
    stage, moved = compared.stage, compared.moved
    old = part_of(stage, compared.baseline, metric.part)
    new = part_of(stage, compared.scenario, metric.part)
    if metric.quantile is not None:
        share = float(moved[after | before].mean())
        high = float(np.quantile(old[before], metric.quantile))
        other = float(np.quantile(new[after], metric.quantile))
        return float(np.hypot(share * np.hypot(high, other), other - high))
    left, came = old[before & moved].sum(), new[after & moved].sum()
    stayed = new[after & ~moved].sum() - old[before & ~moved].sum()
    total = float(np.sqrt(left**2 + came**2 + stayed**2))
    if metric.per is None:
        return metric_scale(stage, metric) * total
    divisor = float(part_of(stage, compared.scenario, metric.per)[after].sum())
    return metric.scale * total / divisor if divisor else 0.0
