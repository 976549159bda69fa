"""How a law tells a run that it was not learnt from: means, percentiles, and who is in the band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.hull import reached_by
from tokenworks.replay.calibration.predict import Predicted
from tokenworks.replay.calibration.regression import after_burst
from tokenworks.replay.calibration.runs import Floats, Mask, RunLog
from tokenworks.replay.calibration.step_law import METRICS, StepCalibration

#: What is compared: metric and quantile, or the mean.
COMPARED: tuple[tuple[str, float | None], ...] = (
    ("ttft", None),
    ("ttft", 0.5),
    ("tpot", 0.5),
    ("e2e", None),
    ("e2e", 0.99),
)


@dataclass(frozen=True)
class HeldOut:
    """One run as predicted and as measured, from the end of its start-up burst on.

    Attributes:
        name: the run.
        requests: requests that count.
        measured, predicted: seconds by metric and statistic, as in `ttft mean`.
        coverage: share of requests in their band, by metric.
        widening: how much wider the bands are than inside the hull.
        outside: times that the run leaves the hull, at its worst.
        closed_loop: whether clients waited for answers.
    """

    name: str
    requests: int
    measured: Mapping[str, float]
    predicted: Mapping[str, float]
    coverage: Mapping[str, float]
    widening: float
    outside: float
    closed_loop: bool

    def error(self, name: str) -> float:
        """Predicted over measured, less 1."""
        return self.predicted[name] / self.measured[name] - 1


def held_out(learnt: StepCalibration, run: RunLog, rows: Mask | None = None) -> HeldOut:
    """Predict a run and hold it against what was measured.

    Args:
        learnt: the calibration.
        run: the run.
        rows: requests that count; null for all usable ones after the burst.

    Raises:
        LeverRefusedError: if the run lies too far outside what calibration has seen.
    """
    reached = reached_by(run)
    learnt.hull.require(run.name, reached)
    told = learnt.predict(run)
    counted = (run.usable & after_burst(run)) if rows is None else rows
    wider = learnt.hull.widening(reached)
    return HeldOut(
        name=run.name,
        requests=int(counted.sum()),
        measured=_statistics(run, counted),
        predicted=_statistics(told, counted),
        coverage={metric: _coverage(learnt, run, told, counted, metric) for metric in METRICS},
        widening=wider,
        outside=max(learnt.hull.ratios(reached).values()),
        closed_loop=told.closed_loop,
    )


def statistic(metric: str, quantile: float | None) -> str:
    """Name of what is compared."""
    return f"{metric} mean" if quantile is None else f"{metric} p{100 * quantile:.0f}"


def _statistics(source: RunLog | Predicted, rows: Mask) -> dict[str, float]:
    found = {}
    for metric, quantile in COMPARED:
        values: Floats = getattr(source, metric)[rows]
        known = values[np.isfinite(values)]
        value = known.mean() if quantile is None else np.quantile(known, quantile)
        found[statistic(metric, quantile)] = float(value)
    return found


def _coverage(
    learnt: StepCalibration, run: RunLog, told: Predicted, rows: Mask, metric: str
) -> float:
    measured, predicted = getattr(run, metric)[rows], getattr(told, metric)[rows]
    known = np.isfinite(measured) & np.isfinite(predicted)
    wider = learnt.hull.widening(reached_by(run))
    low, high = learnt.spreads[metric].band(predicted[known], wider)
    return float(((measured[known] >= low) & (measured[known] <= high)).mean())
