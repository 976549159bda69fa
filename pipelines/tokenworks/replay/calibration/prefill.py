"""Third fit: what a prompt costs, on each request's own time to first token.

The end-to-end fit looks at blocks of time, in which long and short prompts are mixed alike, so that
a constant per prefill and a cost per token can stand in for each other. Here the first token of
every request is told from its own uncached tokens, with everything that ran beside it as the law
says; the result is kept where it tells first tokens better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.least_squares import relative_fit
from tokenworks.replay.calibration.predict import Predicted, predict
from tokenworks.replay.calibration.regression import after_burst
from tokenworks.replay.calibration.runs import RunLog
from tokenworks.replay.serving.steps import StepLaw

Floats = NDArray[np.float64]

PASSES = 3
#: Least part of an observed time that prefill is taken to have had.
LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class Told:
    """A law and how it tells the runs that it was learnt from."""

    law: StepLaw
    overhead: float
    runs: tuple[Predicted, ...]

    @classmethod
    def by(cls, law: StepLaw, overhead: float, runs: Sequence[RunLog]) -> Told:
        """Serve the runs again under a law."""
        return cls(law, overhead, tuple(predict(run, law, overhead) for run in runs))

    def ratios(self, runs: Sequence[RunLog], metric: str) -> Floats:
        """Observed over predicted of every request that counts."""
        found = []
        for run, one in zip(runs, self.runs, strict=True):
            rows = run.usable & after_burst(run)
            observed, predicted = getattr(run, metric)[rows], getattr(one, metric)[rows]
            known = (observed > 0) & (predicted > 0)
            found.append(observed[known] / predicted[known])
        return np.concatenate(found)

    def error(self, runs: Sequence[RunLog]) -> float:
        """Mean size of the log error of the time to first token."""
        ratios = self.ratios(runs, "ttft")
        return float(np.abs(np.log(ratios)).mean()) if ratios.size else float("inf")


def refit_prefill(runs: Sequence[RunLog], law: StepLaw, overhead: float) -> Told:
    """The law with the prefill that tells first tokens best.

    Args:
        runs: what it was learnt from, with their limits.
        law: from the end-to-end fit.
        overhead: from the same.
    """
    best = Told.by(law, overhead, runs)
    current = best
    for _ in range(PASSES):
        moved = _once(runs, current)
        current = Told.by(*moved, runs)
        if current.error(runs) < best.error(runs):
            best = current
    return best


def _once(runs: Sequence[RunLog], told: Told) -> tuple[StepLaw, float]:
    designs, seconds = [], []
    law = told.law
    for run, one in zip(runs, told.runs, strict=True):
        rows = run.usable & after_burst(run)
        uncached = run.uncached[rows].astype(np.float64)
        own = law.with_prefill + told.overhead + law.per_prefill_token * uncached
        observed = run.ttft[rows]
        left = observed - (one.ttft[rows] - own)
        seconds.append(np.maximum(left, LEAST_SHARE * observed))
        designs.append(np.column_stack([np.ones(len(uncached)), uncached]))
    constant, per_token = relative_fit(np.concatenate(designs), np.concatenate(seconds))
    moved = replace(law, with_prefill=float(constant), per_prefill_token=float(per_token))
    return moved, 0.0
