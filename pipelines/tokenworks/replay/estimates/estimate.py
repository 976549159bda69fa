"""Deltas with their p10, p50 and p90, of traffic like this and of the very requests replayed.

For traffic like this two sources of doubt are drawn together. Other hours: a block bootstrap over
hours, the same draws for both plays. The model: its error against history, drawn from a Student t
and applied to what the scenario changes. For requests that move, the errors at both ends are
independent; for requests that stay, the same law errs on both sides, so only the difference is in
doubt. Not modelled: other demand because of other prices or latency.

For the very requests nothing is drawn again: `window` says how far the model errs on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.bootstrap import resampled_quantiles, resampled_quotients
from tokenworks.replay.estimates.comparison import Comparison, Segment
from tokenworks.replay.estimates.exposure import exposure, half_width
from tokenworks.replay.estimates.metrics import Metric
from tokenworks.replay.estimates.quantities import (
    comparable_rows,
    metric_scale,
    part_of,
    value_of,
)
from tokenworks.replay.stage import Played

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: p10, p50 and p90; null where unknown.
Interval = tuple[float | None, float | None, float | None]

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
    delta_window_p10: float | None
    delta_window_p90: float | None
    request_count: int


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
    interval: Interval = (None, None, None)
    window: tuple[float | None, float | None] = (None, None)
    if delta is not None and old is not None and new is not None:
        window = around(delta, half_width(compared, metric, counted, (old, new)))
        interval = at_least(window, _interval(compared, metric, error, counted))
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
        delta_window_p10=window[0],
        delta_window_p90=window[1],
        request_count=int(counted.after.sum()),
    )


def _interval(compared: Comparison, metric: Metric, error: float, segment: Segment) -> Interval:
    old = _draws(compared, compared.baseline, metric, segment.before)
    new = _draws(compared, compared.scenario, metric, segment.after)
    size = exposure(compared, metric, segment.before, segment.after)
    if metric.family == "latency":
        error = max(error, LEAST_LATENCY_ERROR)
    return low_mid_high(new - old + compared.doubt(error, size))


def around(delta: float, half: float | None) -> tuple[float | None, float | None]:
    """Both ends of an interval; null where its width is unknown."""
    return (None, None) if half is None else (delta - half, delta + half)


def at_least(window: tuple[float | None, float | None], wider: Interval) -> Interval:
    """The interval of traffic like this: these very requests are some of it."""
    low, mid, high = wider
    if low is None or high is None or window[0] is None or window[1] is None:
        return wider
    return min(low, window[0]), mid, max(high, window[1])


def low_mid_high(shift: Floats) -> Interval:
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
