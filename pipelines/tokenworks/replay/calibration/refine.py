"""Second fit of the step law: end to end, through the engine, on what clients measured.

The regression knows nothing of queues and of the time to first token. Here the coefficients and
the overhead outside the engine are moved so that the replay of the runs meets their TTFT and
TPOT in blocks of time: Gauss-Newton steps on log errors with the regression as prior, each a
non-negative least squares. A coefficient that ends at 0 is pinned there and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.least_squares import non_negative
from tokenworks.replay.calibration.predict import predict
from tokenworks.replay.calibration.regression import TERMS, after_burst
from tokenworks.replay.calibration.runs import Floats, Ints, Mask, RunLog
from tokenworks.replay.serving.steps import StepLaw

NAMES = (*TERMS, "overhead")
#: Blocks of time of a run, each of which gives the mean TTFT of its shorter and of its longer
#: prompts, which tells a cost per token from one per prefill, and its pace.
BLOCKS = 6
#: Log error that is expected besides noise: of TTFT, and of the pace.
TTFT_ERROR, PACE_ERROR = 0.03, 0.02
#: Requests that a queue makes alike: noise counts as of a third as many standard deviations.
ALIKE = 3.0
#: Width of the prior: share of the regression's coefficient, and least share of its scale. The
#: terms of a prefill are told by TTFT rather than by the regression, hence their own.
PRIOR_SHARE, PRIOR_SCALE, PRIOR_PREFILL = 0.3, 0.01, 0.1
#: Expected errors from which on what is told counts by its size, not its square.
FAR = 4.0
#: Shares of a step that are tried, until one lowers the error.
SHARES = (1.0, 0.5, 0.2)
#: Widest overhead that the prior holds likely, in seconds.
PRIOR_OVERHEAD = 0.05


@dataclass(frozen=True)
class Refined:
    """Coefficients of `NAMES` with their covariance, and the misfit in expected errors."""

    values: Floats
    covariance: Floats
    misfit: float

    def law(self, longest_from: int) -> StepLaw:
        """The step law without the overhead."""
        return law_of(self.values, longest_from)

    @property
    def overhead(self) -> float:
        """Seconds of a request outside the engine."""
        return float(self.values[-1])

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each coefficient; NaN for one that is pinned at 0."""
        errors = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return np.where(self.values > 0, errors, np.nan)


def law_of(values: Floats, longest_from: int) -> StepLaw:
    """The step law with coefficients in the order of `TERMS`."""
    base, running, kv, prefill, with_prefill, longest = values[: len(TERMS)].tolist()
    return StepLaw(base, running, kv, prefill, with_prefill, longest, longest_from)


def refine(
    runs: Sequence[RunLog], start: Floats, scale: Floats, longest_from: int, passes: int
) -> Refined:
    """Move the coefficients until the replay meets the runs.

    Args:
        runs: runs with their limits.
        start: coefficients of the regression, one per term.
        scale: coefficient with which each term alone would explain all the time; 0 holds a term
            at 0.
        longest_from: requests from which the longest context decides.
        passes: Gauss-Newton steps at most; they end where none lowers the error.
    """
    aim = _Aim.of(runs, np.append(start, 0.0), np.append(scale, 1.0), longest_from)
    found = aim.prior.copy()
    told = aim.replayed(found)
    error = aim.error(found, told)
    for _ in range(passes):
        wanted = aim.step(found, told)
        for share in SHARES:
            tried = found + share * (wanted - found)
            retold = aim.replayed(tried)
            if aim.error(tried, retold) < error:
                break
        else:
            break
        found, told, error = tried, retold, aim.error(tried, retold)
    misfit = (aim.observed - told) / aim.expected
    size = float(np.sqrt((misfit**2).mean()))
    design, _ = aim.linear(found, told)
    covariance = np.zeros((len(found), len(found)))
    covariance[np.ix_(aim.free, aim.free)] = np.linalg.inv(design.T @ design) * max(size, 1.0) ** 2
    return Refined(found, covariance, size)


@dataclass(frozen=True)
class _Aim:
    """What is to be met, and how sure each part of it is.

    Attributes:
        observed: told numbers of the runs, as logs; `expected` their errors.
        prior: coefficients of the regression and no overhead; `width` their errors.
        scales: step for differences; `free` tells which coefficients move.
    """

    runs: Sequence[RunLog]
    parts: Sequence[Sequence[Ints]]
    observed: Floats
    expected: Floats
    prior: Floats
    width: Floats
    scales: Floats
    free: Mask
    longest_from: int

    @classmethod
    def of(cls, runs: Sequence[RunLog], prior: Floats, scales: Floats, longest_from: int) -> _Aim:
        least = [PRIOR_PREFILL if "prefill" in name else PRIOR_SCALE for name in NAMES]
        width = np.maximum(PRIOR_SHARE * prior, np.array(least) * scales)
        width[-1] = PRIOR_OVERHEAD
        free = scales > 0
        width[~free] = 1.0
        parts = [_blocks(run) for run in runs]
        each = list(zip(runs, parts, strict=True))
        return cls(
            runs=runs,
            parts=parts,
            observed=np.concatenate([_told(run, part, run.ttft, run.e2e) for run, part in each]),
            expected=np.concatenate([_expected(run, part) for run, part in each]),
            prior=prior,
            width=width,
            scales=scales,
            free=free,
            longest_from=longest_from,
        )

    def replayed(self, values: Floats) -> Floats:
        """The told numbers under other coefficients."""
        law = law_of(values, self.longest_from)
        told = []
        for run, part in zip(self.runs, self.parts, strict=True):
            predicted = predict(run, law, float(values[-1]))
            told.append(_told(run, part, predicted.ttft, predicted.e2e))
        return np.concatenate(told)

    def error(self, values: Floats, told: Floats) -> float:
        """Sum of squares in expected errors, of what is told and of the prior.

        What is told from far off grows only by its size: a queue that no law can tell, since a
        limit is unknown, must not bend the law.
        """
        missed = np.abs(told - self.observed) / self.expected
        far = 2 * FAR * missed - FAR**2
        moved = ((values - self.prior) / self.width)[self.free]
        return float(np.where(missed <= FAR, missed**2, far).sum() + (moved**2).sum())

    def step(self, values: Floats, told: Floats) -> Floats:
        """The best coefficients if what is told were linear in them."""
        design, wanted = self.linear(values, told)
        moved = values.copy()
        moved[self.free] = non_negative(design, wanted, np.ones(len(wanted)))
        return moved

    def linear(self, values: Floats, told: Floats) -> tuple[Floats, Floats]:
        """Design and target of that linear problem, in expected errors, the prior included."""
        slopes, free = self.slopes(values, told), self.free
        target = slopes @ values[free] + self.observed - told
        missed = np.abs(told - self.observed) / self.expected
        expected = self.expected * np.sqrt(np.maximum(missed / FAR, 1.0))
        design = np.vstack([slopes / expected[:, None], np.diag(1 / self.width[free])])
        wanted = np.concatenate([target / expected, (self.prior / self.width)[free]])
        return design, wanted

    def slopes(self, values: Floats, told: Floats) -> Floats:
        """Change of every told number with every free coefficient, by differences.

        The overhead adds to every TTFT and to nothing else that is told: no replay is needed.
        """
        columns = []
        for term in np.flatnonzero(self.free)[:-1]:
            step = max(0.05 * values[term], 0.005 * self.scales[term])
            moved = values.copy()
            moved[term] += step
            columns.append((self.replayed(moved) - told) / step)
        told_by_ttft = np.tile([1.0, 1.0, 0.0], len(told) // 3)
        return np.column_stack([*columns, told_by_ttft / np.exp(told)])


def _blocks(run: RunLog) -> list[Ints]:
    """Rows between the start-up burst and the last arrival, after which nobody asks any more."""
    settled = after_burst(run) & (run.ends <= run.arrivals[-1])
    rows = np.flatnonzero(run.usable & (run.output > 1) & settled)
    return [part for part in np.array_split(rows, BLOCKS) if len(part)]


def _told(run: RunLog, parts: Sequence[Ints], ttft: Floats, e2e: Floats) -> Floats:
    steps = run.output - 1
    told = []
    for part in parts:
        pace = (e2e - ttft)[part].sum() / steps[part].sum()
        order = part[np.argsort(run.uncached[part], kind="stable")]
        short, long = order[: len(order) // 2], order[len(order) // 2 :]
        told += [ttft[short if short.size else long].mean(), ttft[long].mean(), pace]
    logs: Floats = np.log(np.maximum(told, 1e-9))
    return logs


def _expected(run: RunLog, parts: Sequence[Ints]) -> Floats:
    expected = []
    for part in parts:
        noise = ALIKE * run.ttft[part].std() / run.ttft[part].mean() / np.sqrt(len(part))
        expected += [TTFT_ERROR + noise, TTFT_ERROR + noise, PACE_ERROR]
    return np.array(expected)
