"""How well the replay of no change reproduces history: the trust in every other answer.

Judged twice: on everything with laws learned from everything, and on the last half of the
requests with laws and cache sizes learned from the first half. The held-out error is the one
that limits apply to, as long as both halves are large enough to say something. Prices are not
predicted: cost is priced at each day's recorded rate, so its error is that of the token mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.hit_ratio import last_half
from tokenworks.replay.estimates.metrics import METRICS, Metric
from tokenworks.replay.estimates.quantities import Parts, comparable
from tokenworks.replay.language.scenario import Limits
from tokenworks.replay.spool import let_go
from tokenworks.replay.stage import Played, Stage

Mask = NDArray[np.bool_]

#: Requests in the judged half below which the held-out error says too little.
LEAST_HELD_OUT = 200
JUDGED = ("cost", "energy", "hits", "latency")


@dataclass(frozen=True)
class Error:
    """Error of one metric; ratios relative to history, null where history knows nothing.

    Attributes:
        in_sample_ratio: over all requests, learned from all.
        held_out_ratio: over the last half, learned from the first.
        limit_ratio: largest error that is accepted; null where the metric is only shown.
        is_within_limit: null where there is no limit or no error.
    """

    metric: str
    unit: str
    history: float | None
    no_change: float | None
    in_sample_ratio: float | None
    held_out_history: float | None
    held_out_no_change: float | None
    held_out_ratio: float | None
    limit_ratio: float | None
    is_within_limit: bool | None

    @property
    def size(self) -> float:
        """Relative error that intervals take over; the larger of the two, 0 where unknown."""
        return max(abs(self.in_sample_ratio or 0.0), abs(self.held_out_ratio or 0.0))


def backtest(
    stage: Stage, whole: Played, held_out: Played | None, reported: Mask, limits: Limits
) -> list[Error]:
    """Errors of every judged metric.

    Args:
        stage: the traffic, with history.
        whole: no-change replay learned from everything.
        held_out: no-change replay learned from the first half; null where history is too short.
        reported: requests that the result speaks of.
        limits: largest accepted errors.

    Returns:
        One entry per metric.
    """
    half = np.zeros(len(stage.arrivals), dtype=np.bool_)
    half[last_half(len(half))] = True
    judge_half = held_out is not None and int((half & reported).sum()) >= LEAST_HELD_OUT
    judged = _Judged(stage, whole, held_out if judge_half else None, reported)
    found = []
    for metric in METRICS:
        if metric.family in JUDGED:
            found.append(_error(judged, metric, _limit(metric, limits)))
            let_go()
    return found


@dataclass(frozen=True)
class _Judged:
    stage: Stage
    whole: Played
    held_out: Played | None
    reported: Mask


def _error(judged: _Judged, metric: Metric, limit: float | None) -> Error:
    stage = judged.stage
    recorded, whole = (Parts.of(stage, one, metric) for one in (stage.recorded, judged.whole))
    rows = np.flatnonzero(comparable(recorded.part, (whole.part,)) & judged.reported)
    history = recorded.at(rows).value(stage, metric)
    replayed = whole.at(rows).value(stage, metric)
    in_sample = _relative(history, replayed)
    held_history, held_replayed = None, None
    if judged.held_out is not None:
        half = rows[np.searchsorted(rows, last_half(len(judged.reported)).start) :]
        held_history = recorded.at(half).value(stage, metric)
        held_replayed = Parts.of(stage, judged.held_out, metric).at(half).value(stage, metric)
    held = _relative(held_history, held_replayed)
    counted = held if held is not None else in_sample
    if metric.name == "prefix_hit_ratio":
        points = _points(held_history, held_replayed)
        counted = points if points is not None else _points(history, replayed)
    within = None if limit is None or counted is None else abs(counted) <= limit
    return Error(
        metric=metric.name,
        unit=metric.unit,
        history=history,
        no_change=replayed,
        in_sample_ratio=in_sample,
        held_out_history=held_history,
        held_out_no_change=held_replayed,
        held_out_ratio=held,
        limit_ratio=limit,
        is_within_limit=within,
    )


def _relative(history: float | None, replayed: float | None) -> float | None:
    if history is None or replayed is None:
        return None
    if history == 0:
        return 0.0 if replayed == 0 else None
    return replayed / history - 1.0


def _points(history: float | None, replayed: float | None) -> float | None:
    return None if history is None or replayed is None else replayed - history


def _limit(metric: Metric, limits: Limits) -> float | None:
    if metric.name == "prefix_hit_ratio":
        return limits.hit_rate_points
    if metric.name == "cost_active_usd":
        return limits.cost_ratio
    if metric.name == "energy_accelerator_joules":
        return limits.energy_ratio
    if metric.family != "latency" or metric.part == "queue_seconds":
        return None
    if metric.quantile is None:
        return limits.mean_latency_ratio
    return limits.p50_latency_ratio if metric.quantile == 0.5 else limits.p95_latency_ratio


def refusals(errors: list[Error]) -> list[str]:
    """Why the result would mislead, in words."""
    found = []
    for error in errors:
        if error.is_within_limit is not False:
            continue
        held = error.held_out_ratio is not None
        history = error.held_out_history if held else error.history
        replayed = error.held_out_no_change if held else error.no_change
        where = "on the held-out half" if held else "on the whole window"
        found.append(
            f"{error.metric}: no change replays as {replayed:.6g} against {history:.6g} {where}; "
            f"the limit is {error.limit_ratio:g}."
        )
    return found
