"""Each request's part in the numbers of a result, and the numbers over some requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.metrics import Metric
from tokenworks.replay.stage import Played, Stage

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def part_of(stage: Stage, played: Played, name: str) -> Floats:
    """A per-request quantity under one play; NaN where unknown."""
    if name in played.amounts:
        return played.amounts[name]
    return _QUANTITIES[name](stage, played).astype(np.float64)


def good(stage: Stage, played: Played) -> Floats:
    """1 within every objective, 0 beyond one, NaN where there is none or it cannot be told."""
    promised = stage.recorded.deployment
    within: Mask = np.ones(len(stage.arrivals), dtype=np.bool_)
    stated: Mask = np.zeros(len(stage.arrivals), dtype=np.bool_)
    seconds = {"ttft": played.timings.ttft, "tpot": played.timings.tpot, "e2e": played.timings.e2e}
    unknown: Mask = np.zeros(len(stage.arrivals), dtype=np.bool_)
    for name, limits in stage.fleet.objectives.items():
        limit = limits[promised]
        has_limit = ~np.isnan(limit)
        # A single token has no time per token, and keeps that objective.
        absent = np.isnan(seconds[name]) & has_limit
        unknown |= absent & (stage.output_tokens > 1 if name == "tpot" else True)
        within = within & ~(has_limit & (seconds[name] > limit))
        stated = stated | has_limit
    counted = np.where(stage.succeeded, within, False).astype(np.float64)
    judged = stated & ~stage.cancelled & ~(unknown & stage.succeeded)
    if played.turned_away is not None:
        # Nobody served it: that keeps no objective.
        judged |= stated & played.turned_away & ~stage.cancelled
        counted = np.where(played.turned_away, 0.0, counted)
    return np.where(judged, counted, np.nan)


def _judged_cost(stage: Stage, played: Played) -> Floats:
    return np.where(np.isnan(good(stage, played)), np.nan, played.amounts["cost_active_usd"])


_QUANTITIES: dict[str, Callable[[Stage, Played], NDArray[Any]]] = {
    "request_count": lambda stage, _: np.ones(len(stage.arrivals)),
    "known": lambda stage, _: np.ones(len(stage.arrivals)),
    "input_total_tokens": lambda _, played: played.input_tokens,
    "input_cache_read_tokens": lambda _, played: played.cached,
    "input_uncached_tokens": lambda _, played: played.input_tokens - played.cached,
    "output_total_tokens": lambda _, played: played.output_tokens,
    "total_tokens": lambda _, played: played.input_tokens + played.output_tokens,
    "queue_seconds": lambda _, played: played.timings.queue,
    "ttft_seconds": lambda _, played: played.timings.ttft,
    "tpot_seconds": lambda stage, played: np.where(stage.succeeded, played.timings.tpot, np.nan),
    "e2e_seconds": lambda stage, played: np.where(stage.succeeded, played.timings.e2e, np.nan),
    "good": good,
    "turned_away": lambda stage, played: (
        np.zeros(len(stage.arrivals)) if played.turned_away is None else played.turned_away
    ),
    "good_output_tokens": lambda stage, played: good(stage, played) * stage.output_tokens,
    "judged_cost_usd": _judged_cost,
    "quality": lambda stage, played: (
        np.full(len(stage.arrivals), np.nan) if played.quality is None else played.quality
    ),
}


def comparable_rows(stage: Stage, metric: Metric, plays: list[Played]) -> Mask:
    """Requests that count: known under every play, and in history unless it knows none."""
    rows = np.ones(len(stage.arrivals), dtype=np.bool_)
    for played in plays:
        rows &= ~np.isnan(part_of(stage, played, metric.part))
    recorded = ~np.isnan(part_of(stage, stage.recorded, metric.part))
    return rows & recorded if (rows & recorded).any() else rows


def metric_scale(stage: Stage, metric: Metric) -> float:
    """Factor on the sum or quotient of a metric."""
    if not metric.is_rate:
        return metric.scale
    seconds = float(stage.arrivals[-1] - stage.arrivals[0])
    return metric.scale / seconds if seconds else float("nan")


def value_of(stage: Stage, played: Played, metric: Metric, rows: Mask) -> float | None:
    """The metric over some requests; null where none is known."""
    part = part_of(stage, played, metric.part)[rows]
    part_known = part[~np.isnan(part)]
    if part_known.size == 0 or part_known.size < part.size:
        return None
    if metric.quantile is not None:
        return float(np.quantile(part, metric.quantile))
    if metric.per is None:
        return float(part.sum()) * metric_scale(stage, metric)
    divisor = float(part_of(stage, played, metric.per)[rows].sum())
    return metric.scale * float(part.sum()) / divisor if divisor else None
