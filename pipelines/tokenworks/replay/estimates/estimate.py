"""Deltas with their p10, p50 and p90, of traffic like this and of the very requests replayed.

For traffic like this two sources of doubt are drawn together. Other hours: a block bootstrap over
hours, the same draws for both plays. The model: its error against history, drawn from a Student t
and applied to what the scenario changes. For requests that move, the errors at both ends are
independent; for requests that stay, the same law errs on both sides, so only the difference is in
doubt. Not modelled: other demand because of other prices or latency.

For the very requests nothing is drawn again: `window` says how far the model errs on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.bootstrap import resampled_quantiles, resampled_quotients
from tokenworks.replay.estimates.comparison import Comparison, Segment
from tokenworks.replay.estimates.exposure import Counted, exposure, half_width
from tokenworks.replay.estimates.metrics import Metric
from tokenworks.replay.estimates.quantities import Parts, at, comparable, metric_scale
from tokenworks.replay.spool import let_go

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
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


@dataclass(frozen=True)
class Drawn:
    """A row whose interval lacks the draws of the model's error, which all rows share in turn.

    Attributes:
        row: all else.
        shift: what other hours make of the delta; null where it is unknown.
        error: relative error of the model, and what it acts on.
    """

    row: Estimate
    shift: Floats | None
    error: tuple[float, float]

    def row_of(self, compared: Comparison) -> Estimate:
        """The row, with the next draws."""
        if self.shift is None:
            return self.row
        window = self.row.delta_window_p10, self.row.delta_window_p90
        wider = low_mid_high(self.shift + compared.doubt(*self.error))
        low, mid, high = at_least(window, wider)
        return replace(self.row, delta_p10=low, delta_p50=mid, delta_p90=high)


def estimate(
    compared: Comparison, metric: Metric, error: float, segments: Sequence[Segment]
) -> list[Drawn]:
    """One metric over every segment; what it counts is worked out once.

    Args:
        compared: the two plays.
        metric: what is measured.
        error: relative error of the model for this metric, from the backtest.
        segments: the requests.

    Returns:
        Values, delta and interval of each segment.
    """
    stage = compared.stage
    history, old, new = (
        Parts.of(stage, played, metric)
        for played in (stage.recorded, compared.baseline, compared.scenario)
    )
    rows = comparable(history.part, (old.part, new.part))
    found = []
    for segment in segments:
        counted = Counted.of(compared, metric, _known(segment, rows), (old, new))
        before = history.at(counted.segment.before).value(stage, metric)
        found.append(_drawn(counted, error, before))
        let_go()
    return found


def _known(segment: Segment, rows: Mask) -> Segment:
    """The requests of a segment that count."""
    if rows.all():
        return segment
    before = segment.before[at(rows, segment.before)]
    if segment.after is segment.before:
        return Segment(segment.name, before, before)
    return Segment(segment.name, before, segment.after[at(rows, segment.after)])


def _drawn(counted: Counted, error: float, history: float | None) -> Drawn:
    """A row, the value of history given."""
    metric, (old, new) = counted.metric, counted.ends
    delta = None if old is None or new is None else new - old
    window: tuple[float | None, float | None] = (None, None)
    shift, size = None, 0.0
    if delta is not None and old is not None and new is not None:
        window = around(delta, half_width(counted, (old, new)))
        shift = _shift(counted)
        size = exposure(counted, (old, new))
    row = Estimate(
        segment=counted.segment.name,
        metric=metric.name,
        unit=metric.unit,
        definition=metric.definition,
        history=history,
        no_change=old,
        scenario=new,
        delta=delta,
        delta_p10=None,
        delta_p50=None,
        delta_p90=None,
        delta_window_p10=window[0],
        delta_window_p90=window[1],
        request_count=len(counted.segment.after),
    )
    least = LEAST_LATENCY_ERROR if metric.family == "latency" else 0.0
    return Drawn(row, shift, (max(error, least), size))


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


def _shift(counted: Counted) -> Floats:
    """What other hours make of the delta, draw by draw."""
    segment, (old, new) = counted.segment, counted.ends
    before = _draws(counted, counted.old, segment.before, old)
    return _draws(counted, counted.new, segment.after, new) - before


def _draws(counted: Counted, parts: Parts, rows: Ints, known: float | None) -> Floats:
    compared, metric = counted.compared, counted.metric
    hour = at(compared.hour, rows)
    if metric.quantile is not None:
        return resampled_quantiles(compared.draws, hour, parts.part, metric.quantile, known)
    scale = metric_scale(compared.stage, metric)
    return scale * resampled_quotients(compared.draws, hour, parts.part, parts.per)
