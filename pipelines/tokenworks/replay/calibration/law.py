"""Learns how fast each deployment serves from its own history.

The law of one deployment, all coefficients at least 0:

    first token after  prefill_base + prefill_per_uncached * uncached input tokens
                       + prefill_per_running * running requests
    then per token     token_base + token_per_running * running requests

fitted for the mean on relative error, with the spread that it leaves kept as observed over
fitted. What the log does not show is not fitted: a coefficient that ends at 0 is listed as
pinned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.least_squares import relative_fit
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.history import Busy, History

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Fewest requests from which a law is fitted.
LEAST_ROWS = 30
#: Points of the kept spread; enough that a p99 drawn from it is a p99.
SPREAD_POINTS = 2001
#: Least seconds per token, so that a law is never infinitely fast.
LEAST_TOKEN_SECONDS = 1e-9


@dataclass(frozen=True)
class Law:
    """The serving law of one deployment and what it leaves unexplained."""

    prefill_base: float
    prefill_per_uncached: float
    prefill_per_running: float
    token_base: float
    token_per_running: float
    first_token_spread: Floats
    token_spread: Floats
    rows: int
    slots: int
    running_p99: float
    source: str

    @property
    def pinned(self) -> tuple[str, ...]:
        """Coefficients that the history holds at 0."""
        names = (
            "prefill_base",
            "prefill_per_uncached",
            "prefill_per_running",
            "token_base",
            "token_per_running",
        )
        return tuple(name for name in names if getattr(self, name) <= LEAST_TOKEN_SECONDS)


@dataclass(frozen=True)
class _Sample:
    """Rows of one deployment with how busy their replica was."""

    first_design: Floats
    first_seconds: Floats
    token_design: Floats
    token_seconds: Floats
    slots: int
    running_p99: float


def calibrate(history: History, fleet: Fleet, learn: Mask, needed: Ints) -> dict[int, Law]:
    """Fit the law of every deployment that serves something.

    Args:
        history: the replayed requests as they ran.
        fleet: facts of the deployments.
        learn: requests that may be learned from.
        needed: deployments that must have a law.

    Returns:
        Laws by deployment. One with too little history takes the pooled law of the same model
        and tier in other regions.
    """
    samples = {
        int(position): _sample(history, fleet, int(position), learn)
        for position in np.unique(history.deployment)
    }
    laws: dict[int, Law] = {}
    for position in needed:
        laws[int(position)] = _law_of(int(position), samples, fleet)
    return laws


def _law_of(position: int, samples: dict[int, _Sample], fleet: Fleet) -> Law:
    own = samples.get(position)
    if own is not None and _enough(own):
        return _fit(own, fleet.ids[position])
    kind = (fleet.models[position], fleet.tiers[position])
    alike = [
        other
        for other in samples
        if (fleet.models[other], fleet.tiers[other]) == kind and _enough(samples[other])
    ]
    if not alike:
        raise LeverRefusedError(
            f"deployment {fleet.ids[position]}",
            f"fewer than {LEAST_ROWS} requests with a known time to first token and at least 2 "
            "output tokens, here or in another deployment of the same model and tier.",
            "Log time to first token (streaming requests, or the engine's own timings).",
        )
    pooled = _pool([samples[other] for other in alike], fleet.slots[position])
    return _fit(pooled, "pooled over " + ", ".join(fleet.ids[other] for other in alike))


def _enough(sample: _Sample) -> bool:
    return min(len(sample.first_seconds), len(sample.token_seconds)) >= LEAST_ROWS


def _sample(history: History, fleet: Fleet, position: int, learn: Mask) -> _Sample:
    rows = np.flatnonzero(history.deployment == position)
    arrivals, ttft = history.arrivals[rows], history.ttft[rows]
    ends = arrivals + history.e2e[rows]
    busy = Busy.of(history, rows, fleet, position)
    # A first token before a slot was free shows that the request did not wait for one.
    starts = np.where(busy.starts < arrivals + ttft, busy.starts, arrivals)
    starts = np.where(np.isnan(ttft), busy.starts, starts)
    first = np.where(np.isnan(ttft), starts, np.clip(arrivals + ttft, starts, ends))
    known = learn[rows] & ~np.isnan(ttft)
    for_first = known & (first > starts)
    tokens = (history.output[rows] - 1).astype(np.float64)
    for_token = known & (tokens >= 1) & (ends > first)
    ones = np.ones(len(rows))
    uncached = history.uncached[rows].astype(np.float64)
    during = busy.during(first, ends)
    return _Sample(
        first_design=np.column_stack([ones, uncached, busy.at_start])[for_first],
        first_seconds=(first - starts)[for_first],
        token_design=np.column_stack([tokens, tokens * during])[for_token],
        token_seconds=(ends - first)[for_token],
        slots=int(fleet.slots[position]) or max(1, busy.peak),
        running_p99=busy.p99,
    )


def _pool(samples: list[_Sample], slots: int) -> _Sample:
    return _Sample(
        first_design=np.concatenate([sample.first_design for sample in samples]),
        first_seconds=np.concatenate([sample.first_seconds for sample in samples]),
        token_design=np.concatenate([sample.token_design for sample in samples]),
        token_seconds=np.concatenate([sample.token_seconds for sample in samples]),
        slots=slots or max(sample.slots for sample in samples),
        running_p99=max(sample.running_p99 for sample in samples),
    )


def _fit(sample: _Sample, source: str) -> Law:
    first = relative_fit(sample.first_design, sample.first_seconds)
    token = relative_fit(sample.token_design, sample.token_seconds)
    if not token.any():
        token = np.array([LEAST_TOKEN_SECONDS, 0.0])
    return Law(
        prefill_base=float(first[0]),
        prefill_per_uncached=float(first[1]),
        prefill_per_running=float(first[2]),
        token_base=float(token[0]),
        token_per_running=float(token[1]),
        first_token_spread=_spread(sample.first_design @ first, sample.first_seconds),
        token_spread=_spread(sample.token_design @ token, sample.token_seconds),
        rows=len(sample.first_seconds),
        slots=sample.slots,
        running_p99=sample.running_p99,
        source=source,
    )


def _spread(fitted: Floats, observed: Floats) -> Floats:
    """Quantiles of observed over fitted, scaled so that the fitted total is the observed one."""
    usable = fitted > 0
    if not usable.any():
        return np.ones(SPREAD_POINTS)
    ratios = observed[usable] / fitted[usable] * (fitted[usable].sum() / observed[usable].sum())
    points = np.quantile(ratios, np.linspace(0, 1, SPREAD_POINTS))
    # Trapezoid mean of the quantile curve, which is what drawing from it gives.
    spread: Floats = points / float((points[:-1] + points[1:]).mean() / 2)
    return spread
