"""Size of what a model's error acts on, in the unit of the metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.comparison import Comparison, Segment
from tokenworks.replay.estimates.metrics import Metric
from tokenworks.replay.estimates.quantities import Parts, at, metric_scale
from tokenworks.replay.estimates.window import is_priced

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Families of metrics that the law tells, and that it errs on as load changes.
FOLLOWS_LOAD = ("latency", "goodput")


@dataclass(frozen=True)
class Counted:
    """What one metric counts of one segment.

    Attributes:
        compared: the two plays.
        metric: what is measured.
        segment: the requests that count.
        old, new: their parts under no change and under the scenario.
        ends: the metric of both; null where unknown.
    """

    compared: Comparison
    metric: Metric
    segment: Segment
    old: Parts
    new: Parts
    ends: tuple[float | None, float | None]

    @classmethod
    def of(
        cls, compared: Comparison, metric: Metric, segment: Segment, plays: tuple[Parts, Parts]
    ) -> Counted:
        """Of parts of all requests."""
        old, new = plays[0].at(segment.before), plays[1].at(segment.after)
        ends = old.value(compared.stage, metric), new.value(compared.stage, metric)
        return cls(compared, metric, segment, old, new, ends)


def exposure(counted: Counted, ends: tuple[float, float]) -> float:
    """Size of what the model's error acts on, in the metric's unit.

    Args:
        counted: the requests.
        ends: the metric under no change and under the scenario.
    """
    compared, segment = counted.compared, counted.segment
    if counted.metric.quantile is not None:
        share = _moved_share(compared, segment)
        return float(np.hypot(share * np.hypot(*ends), ends[1] - ends[0]))
    moved_old, stayed_old = compared.apart(counted.old.part, segment.before)
    moved_new, stayed_new = compared.apart(counted.new.part, segment.after)
    left, came, stayed = moved_old.sum(), moved_new.sum(), stayed_new.sum() - stayed_old.sum()
    total = float(np.sqrt(left**2 + came**2 + stayed**2))
    return _scale(counted) * total


def _moved_share(compared: Comparison, segment: Segment) -> float:
    """Share of the requests of either side that change deployment."""
    if not compared.moves_any:
        return 0.0
    rows = segment.before
    if segment.after is not segment.before:
        rows = np.union1d(segment.before, segment.after)
    return float(at(compared.moved, rows).mean())


def half_width(counted: Counted, ends: tuple[float, float]) -> float | None:
    """Distance from the delta that the one of these very requests stays within at p10 to p90.

    Args:
        counted: the requests.
        ends: the metric under no change and under the scenario.

    Returns:
        Null where history does not tell how far a deployment errs that the delta hangs on.
    """
    doubts = counted.compared.doubts.get(counted.metric.name)
    if doubts is None:
        return None
    exposed = _by_deployment(counted, ends)
    asked = exposed > 0
    return together(doubts[asked], exposed[asked])


def together(doubts: Floats, exposed: Floats) -> float | None:
    """Deployments err each for itself; null where the error of one is unknown."""
    if np.isnan(doubts).any():
        return None
    return float(np.sqrt(np.square(doubts * exposed).sum()))


def _by_deployment(counted: Counted, ends: tuple[float, float]) -> Floats:
    """What left, came and changed at each deployment.

    What stayed errs alike on both sides; times only as far as the load of their deployment stays
    what it was, and not where the replay takes over from history which replica serves. Amounts are
    at recorded rates and hits follow from blocks, whatever the load.
    """
    compared, metric, segment = counted.compared, counted.metric, counted.segment
    count = compared.stage.fleet.count
    sides = (
        (compared.baseline, segment.before, counted.old.part, ends[0]),
        (compared.scenario, segment.after, counted.new.part, ends[1]),
    )
    moved: list[Floats] = []
    stayed: list[Floats] = []
    for played, rows, part, end in sides:
        sizes = part if metric.quantile is None else np.full(len(rows), end / len(rows))
        places = compared.apart(at(played.deployment, rows), rows)
        for found, where, each in zip(
            (moved, stayed), places, compared.apart(sizes, rows), strict=True
        ):
            sums = np.bincount(where, weights=each, minlength=count)
            found.append(sums.astype(np.float64))
    apart = np.square([*moved, stayed[1] - stayed[0]]).sum(axis=0)
    if metric.family in FOLLOWS_LOAD and not is_priced(metric):
        changed = np.where(compared.chosen_anew, 1.0, compared.changed_load)
        apart += np.square(changed * stayed[1])
    scale = 1.0 if metric.quantile is not None else _scale(counted)
    exposed: Floats = scale * np.sqrt(apart)
    return exposed


def _scale(counted: Counted) -> float:
    """Factor from sums of the part to the metric."""
    if counted.new.per is None:
        return metric_scale(counted.compared.stage, counted.metric)
    divisor = float(counted.new.per.sum())
    return counted.metric.scale / divisor if divisor else 0.0
