"""Size of what a model's error acts on, in the unit of the metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.comparison import Comparison, Segment
from tokenworks.replay.estimates.metrics import Metric
from tokenworks.replay.estimates.quantities import metric_scale, part_of
from tokenworks.replay.estimates.window import is_priced

Floats = NDArray[np.float64]
#: Families of metrics that the law tells, and that it errs on as load changes.
FOLLOWS_LOAD = ("latency", "goodput")
Mask = NDArray[np.bool_]


def exposure(compared: Comparison, metric: Metric, before: Mask, after: Mask) -> float:
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
    return _scale(compared, metric, after) * total


def half_width(
    compared: Comparison, metric: Metric, segment: Segment, ends: tuple[float, float]
) -> float | None:
    """Distance from the delta that the one of these very requests stays within at p10 to p90.

    Args:
        compared: the two plays.
        metric: what is measured.
        segment: the requests.
        ends: the metric under no change and under the scenario.

    Returns:
        Null where history does not tell how far a deployment errs that the delta hangs on.
    """
    doubts = compared.doubts.get(metric.name)
    if doubts is None:
        return None
    exposed = _by_deployment(compared, metric, segment, ends)
    counted = exposed > 0
    return together(doubts[counted], exposed[counted])


def together(doubts: Floats, exposed: Floats) -> float | None:
    """Deployments err each for itself; null where the error of one is unknown."""
    if np.isnan(doubts).any():
        return None
    return float(np.sqrt(np.square(doubts * exposed).sum()))


def _by_deployment(
    compared: Comparison, metric: Metric, segment: Segment, ends: tuple[float, float]
) -> Floats:
    """What left, came and changed at each deployment.

    What stayed errs alike on both sides; times only as far as the load of their deployment stays
    what it was, and not where the replay takes over from history which replica serves. Amounts are
    at recorded rates and hits follow from blocks, whatever the load.
    """
    stage, count = compared.stage, compared.stage.fleet.count
    sides = (
        (compared.baseline, segment.before, ends[0]),
        (compared.scenario, segment.after, ends[1]),
    )
    moved: list[Floats] = []
    stayed: list[Floats] = []
    for played, rows, end in sides:
        if metric.quantile is None:
            sizes = part_of(stage, played, metric.part)
        else:
            sizes = np.full(rows.size, end / rows.sum())
        for found, mine in ((moved, compared.moved), (stayed, ~compared.moved)):
            at = np.flatnonzero(rows & mine)
            sums = np.bincount(played.deployment[at], weights=sizes[at], minlength=count)
            found.append(sums.astype(np.float64))
    apart = np.square([*moved, stayed[1] - stayed[0]]).sum(axis=0)
    if metric.family in FOLLOWS_LOAD and not is_priced(metric):
        changed = np.where(compared.chosen_anew, 1.0, compared.changed_load)
        apart += np.square(changed * stayed[1])
    scale = 1.0 if metric.quantile is not None else _scale(compared, metric, segment.after)
    exposed: Floats = scale * np.sqrt(apart)
    return exposed


def _scale(compared: Comparison, metric: Metric, after: Mask) -> float:
    """Factor from sums of the part to the metric."""
    if metric.per is None:
        return metric_scale(compared.stage, metric)
    divisor = float(part_of(compared.stage, compared.scenario, metric.per)[after].sum())
    return metric.scale / divisor if divisor else 0.0
