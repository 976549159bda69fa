"""Each request's part in the numbers of a result, and the numbers over some requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.metrics import Metric
from tokenworks.replay.spool import by_piece
from tokenworks.replay.stage import Played, Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Column = TypeVar("Column", Floats, Ints, Mask)


def part_of(stage: Stage, played: Played, name: str) -> Floats:
    """A per-request quantity under one play; NaN where unknown."""
    if name in played.amounts:
        return played.amounts[name]
    if name == "judged_cost_usd":
        return _judged_cost(stage, played)
    return by_piece(len(stage.arrivals), lambda rows: _QUANTITIES[name](stage, played, rows))


def good(stage: Stage, played: Played, rows: slice = slice(None)) -> Floats:
    """1 within every objective, 0 beyond one, NaN where there is none or it cannot be told."""
    promised, succeeded = stage.recorded.deployment[rows], stage.succeeded[rows]
    within: Mask = np.ones(len(promised), dtype=np.bool_)
    stated: Mask = np.zeros(len(promised), dtype=np.bool_)
    timings = played.timings
    seconds = {"ttft": timings.ttft[rows], "tpot": timings.tpot[rows], "e2e": timings.e2e[rows]}
    unknown: Mask = np.zeros(len(promised), dtype=np.bool_)
    for name, limits in stage.fleet.objectives.items():
        limit = limits[promised]
        has_limit = ~np.isnan(limit)
        # A single token has no time per token, and keeps that objective.
        absent = np.isnan(seconds[name]) & has_limit
        unknown |= absent & (stage.output_tokens[rows] > 1 if name == "tpot" else True)
        within = within & ~(has_limit & (seconds[name] > limit))
        stated = stated | has_limit
    counted = np.where(succeeded, within, False).astype(np.float64)
    judged = stated & ~stage.cancelled[rows] & ~(unknown & succeeded)
    if played.turned_away is not None:
        # Nobody served it: that keeps no objective.
        judged |= stated & played.turned_away[rows] & ~stage.cancelled[rows]
        counted = np.where(played.turned_away[rows], 0.0, counted)
    return np.where(judged, counted, np.nan)


def _judged_cost(stage: Stage, played: Played) -> Floats:
    costs = played.amounts["cost_active_usd"]

    def judged(rows: slice) -> Floats:
        return np.where(np.isnan(good(stage, played, rows)), np.nan, costs[rows])

    return by_piece(len(costs), judged)


def _if_succeeded(stage: Stage, seconds: Floats, rows: slice) -> Floats:
    return np.where(stage.succeeded[rows], seconds[rows], np.nan)


def _ones(stage: Stage, _: Played, rows: slice) -> Floats:
    return np.ones(len(stage.arrivals[rows]))


_QUANTITIES: dict[str, Callable[[Stage, Played, slice], NDArray[Any]]] = {
    "request_count": _ones,
    "known": _ones,
    "input_total_tokens": lambda _, played, rows: played.input_tokens[rows],
    "input_cache_read_tokens": lambda _, played, rows: played.cached[rows],
    "input_uncached_tokens": lambda _, played, rows: (
        played.input_tokens[rows] - played.cached[rows]
    ),
    "output_total_tokens": lambda _, played, rows: played.output_tokens[rows],
    "total_tokens": lambda _, played, rows: played.input_tokens[rows] + played.output_tokens[rows],
    "queue_seconds": lambda _, played, rows: played.timings.queue[rows],
    "ttft_seconds": lambda _, played, rows: played.timings.ttft[rows],
    "tpot_seconds": lambda stage, played, rows: _if_succeeded(stage, played.timings.tpot, rows),
    "e2e_seconds": lambda stage, played, rows: _if_succeeded(stage, played.timings.e2e, rows),
    "good": good,
    "turned_away": lambda stage, played, rows: (
        0.0 * _ones(stage, played, rows) if played.turned_away is None else played.turned_away[rows]
    ),
    "good_output_tokens": lambda stage, played, rows: (
        good(stage, played, rows) * stage.output_tokens[rows]
    ),
    "quality": lambda stage, played, rows: (
        np.full(len(stage.arrivals[rows]), np.nan)
        if played.quality is None
        else played.quality[rows]
    ),
}


@dataclass(frozen=True)
class Parts:
    """What every request adds to a metric under one play.

    Attributes:
        part: what is summed or ranked.
        per: what divides; null for a plain sum.
    """

    part: Floats
    per: Floats | None

    @classmethod
    def of(cls, stage: Stage, played: Played, metric: Metric) -> Parts:
        """Of one play."""
        per = None if metric.per is None else part_of(stage, played, metric.per)
        return cls(part_of(stage, played, metric.part), per)

    def at(self, rows: Ints) -> Parts:
        """Those of some requests."""
        return Parts(at(self.part, rows), None if self.per is None else at(self.per, rows))

    def value(self, stage: Stage, metric: Metric) -> float | None:
        """The metric over these requests; null where none is known."""
        if self.part.size == 0 or np.isnan(self.part).any():
            return None
        if metric.quantile is not None:
            return float(np.quantile(self.part, metric.quantile))
        if self.per is None:
            return float(self.part.sum()) * metric_scale(stage, metric)
        divisor = float(self.per.sum())
        return metric.scale * float(self.part.sum()) / divisor if divisor else None


def at(values: Column, rows: Ints) -> Column:
    """Values of some requests, given by ascending rows; the very array where it is all of them."""
    return values if len(rows) == len(values) else values[rows]


def comparable(history: Floats, plays: Sequence[Floats]) -> Mask:
    """Requests that count: known under every play, and in history unless it knows none."""
    rows = ~np.isnan(plays[0])
    for part in plays[1:]:
        rows &= ~np.isnan(part)
    recorded = rows & ~np.isnan(history)
    return recorded if recorded.any() else rows


def metric_scale(stage: Stage, metric: Metric) -> float:
    """Factor on the sum or quotient of a metric."""
    if not metric.is_rate:
        return metric.scale
    seconds = float(stage.arrivals[-1] - stage.arrivals[0])
    return metric.scale / seconds if seconds else float("nan")
