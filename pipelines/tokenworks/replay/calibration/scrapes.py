"""A step law from scrapes alone, for engines whose requests nobody logged.

In a window of W seconds in which the engine is never idle, the steps are the tokens that it made
over the requests that it ran, and

    W = a steps + b tokens + g (KV share * steps) + d (prompt tokens computed) + e (answers ended)

with all coefficients at least 0. Requests that still prefill count as running, so that a law
from scrapes is coarser than one from a log: it tells paces and loads, not the time to first token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.least_squares import non_negative
from tokenworks.replay.calibration.runs import EngineSeries, Floats, RunLog
from tokenworks.replay.errors import LeverRefusedError

WINDOW_SECONDS = 10.0
#: Share of a window in which something must run, and the least tokens that it must make.
BUSY, LEAST_TOKENS = 0.99, 20.0
LEAST_WINDOWS = 10
TERMS = ("base", "per_token", "per_kv_share", "per_prefill_token", "per_answer")


@dataclass(frozen=True)
class ScrapeLaw:
    """Seconds of a busy window by what happened in it.

    Attributes:
        coefficients: in the order of `TERMS`.
        runs: what was learnt from.
        running: most running requests, as the mean of a window, that were seen.
    """

    coefficients: Floats
    runs: tuple[str, ...]
    running: float

    def error(self, series: EngineSeries) -> float | None:
        """Predicted over observed seconds of a run's busy windows, less 1; null without any."""
        design, seconds = windows(series)
        if len(seconds) < LEAST_WINDOWS:
            return None
        return float((design @ self.coefficients).sum() / seconds.sum() - 1)


def fit_scrapes(runs: Sequence[RunLog]) -> ScrapeLaw:
    """The law of one deployment's scrapes; runs count alike.

    Raises:
        LeverRefusedError: without enough busy windows.
    """
    parts = [(run.name, *windows(run.series), run.series) for run in runs if run.series is not None]
    usable = [part for part in parts if len(part[2]) >= LEAST_WINDOWS]
    if not usable:
        raise LeverRefusedError(
            "calibration from scrapes",
            f"no run has {LEAST_WINDOWS} windows of {WINDOW_SECONDS:g} s without a pause.",
            "Scrape the engine while it is busy, at least every few seconds.",
        )
    design = np.concatenate([part[1] for part in usable])
    seconds = np.concatenate([part[2] for part in usable])
    weights = np.concatenate([np.full(len(part[2]), 1 / len(part[2])) for part in usable])
    return ScrapeLaw(
        coefficients=non_negative(design, seconds, weights),
        runs=tuple(part[0] for part in usable),
        running=max(float(part[3].running.max()) for part in usable),
    )


def windows(series: EngineSeries) -> tuple[Floats, Floats]:
    """One row per busy window: its terms, and its seconds."""
    edges = np.arange(series.seconds[0], series.seconds[-1], WINDOW_SECONDS)
    if len(edges) < 2:
        return np.empty((0, len(TERMS))), np.empty(0)
    tokens, computed, ended = (
        np.diff(np.interp(edges, series.seconds, counter))
        for counter in (series.generation_tokens, series.computed_tokens, series.finished)
    )
    running, kv, busy = (
        _mean(series.seconds, gauge, edges)
        for gauge in (series.running, series.kv_ratio, (series.running > 0).astype(np.float64))
    )
    steps = tokens / np.maximum(running, 1.0)
    kept = (busy > BUSY) & (tokens > LEAST_TOKENS) & np.isfinite(kv)
    design = np.column_stack([steps, tokens, kv * steps, computed, ended])
    return design[kept], busy[kept] * WINDOW_SECONDS


def _mean(seconds: Floats, gauge: Floats, edges: Floats) -> Floats:
    steps = np.diff(seconds) * (gauge[1:] + gauge[:-1]) / 2
    sums = np.interp(edges, seconds, np.concatenate([[0.0], np.cumsum(steps)]))
    means: Floats = np.diff(sums) / WINDOW_SECONDS
    return means
