"""Learns the step law of one deployment from its runs, from screening to what it leaves unsure.

    runs = [read_run(folder) for folder in run_folders(root)]
    learnt = calibrate_steps(runs)

`learnt` says which runs it used and which it refused and why, the coefficients with standard
errors, where they hold, and how far the requests of a new run will lie beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tokenworks.replay.calibration.hull import Hull, hull_of
from tokenworks.replay.calibration.limits import completed_limits
from tokenworks.replay.calibration.predict import Predicted, predict
from tokenworks.replay.calibration.refine import NAMES, Refined, refine
from tokenworks.replay.calibration.regression import TERMS, Evidence, after_burst, fit_terms
from tokenworks.replay.calibration.runs import EngineLimits, Floats, Mask, RunLog
from tokenworks.replay.calibration.screening import Screened, screen
from tokenworks.replay.calibration.terms import Choice, choose_terms, scales
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.estimates.conformal import Spread, spread_of
from tokenworks.replay.serving.steps import StepLaw

METRICS = ("ttft", "tpot", "e2e")
PERCENTILES = tuple(range(1, 100))
#: Passes of the end-to-end fit; the misfit settles after three.
PASSES = 4
#: Latest requests of a run that are learnt from; more tell hardly more and cost minutes.
MOST_REQUESTS = 50_000
#: What is off together: the requests of one run on one day, counted from its first request.
DAY_SECONDS, MOST_DAYS = 86_400, 100_000
#: Correlation above which two coefficients cannot be told apart.
ALIKE = 0.98


@dataclass(frozen=True)
class Fitted:
    """How one run that was learnt from is told by the law: means of each metric."""

    name: str
    requests: int
    observed: Mapping[str, float]
    predicted: Mapping[str, float]


@dataclass(frozen=True)
class StepCalibration:
    """The law of one deployment and all that is known about it.

    Attributes:
        deployment: model, hardware and engine configuration.
        law: seconds of a step.
        overhead: seconds of a request outside the engine.
        standard_errors: of each coefficient and the overhead; NaN where pinned at 0.
        limits: token budget and KV capacity of the deployment.
        inferred: limits that were inferred, in words.
        choice: the terms, and how well they told each run from the others.
        rejected: the other sets of terms.
        misfit: error of the fit in expected errors; above 1 it explains less than it should.
        hull: where the law has been seen to hold.
        spreads: of a new run's requests, by metric.
        residuals: percentiles 1 to 99 of observed over predicted, by metric.
        fitted: the runs that were learnt from.
        screened: every run that was offered.
        unsure: what the data does not tell, in words.
        requests: requests learnt from.
    """

    deployment: str
    law: StepLaw
    overhead: float
    standard_errors: Mapping[str, float]
    limits: EngineLimits
    inferred: Mapping[str, str]
    choice: Choice
    rejected: tuple[Choice, ...]
    misfit: float
    hull: Hull
    spreads: Mapping[str, Spread]
    residuals: Mapping[str, tuple[float, ...]]
    fitted: tuple[Fitted, ...]
    screened: tuple[Screened, ...]
    unsure: tuple[str, ...]
    requests: int

    def predict(self, run: RunLog, closed_loop: bool | None = None) -> Predicted:
        """Serve a run again under this law; its unknown limits are the deployment's."""
        limits = EngineLimits(
            run.limits.max_num_seqs,
            run.limits.token_budget or self.limits.token_budget,
            run.limits.kv_tokens or self.limits.kv_tokens,
        )
        return predict(
            replace(run, limits=limits), self.law, self.overhead, closed_loop=closed_loop
        )


def calibrate_steps(runs: Sequence[RunLog], passes: int = PASSES) -> StepCalibration:
    """Learn the law of one deployment.

    Args:
        runs: its runs; those that the screen refuses are named in the result.
        passes: passes of the end-to-end fit.

    Raises:
        LeverRefusedError: if no run may be learnt from.
    """
    screened = screen(runs)
    accepted = [run for run in runs if screened[run.name].accepted]
    if not accepted:
        raise LeverRefusedError("calibration", *_why_none(screened))
    clean, inferred = completed_limits([latest(run) for run in accepted])
    evidence = [Evidence.of(run) for run in clean]
    choice, tried = choose_terms(evidence)
    found = _refined(clean, evidence, choice, passes)
    law = found.law(choice.longest_from)
    told = [predict(run, law, found.overhead) for run in clean]
    rows = [run.usable & after_burst(run) for run in clean]
    logs = {metric: _residuals(clean, told, rows, metric) for metric in METRICS}
    return StepCalibration(
        deployment=clean[0].deployment,
        law=law,
        overhead=found.overhead,
        standard_errors=dict(zip(NAMES, found.standard_errors.tolist(), strict=True)),
        limits=EngineLimits(None, clean[0].limits.token_budget, clean[0].limits.kv_tokens),
        inferred=inferred,
        choice=choice,
        rejected=tuple(other for other in tried if other != choice),
        misfit=found.misfit,
        hull=hull_of(clean),
        spreads={name: spread_of(*logs[name]) for name in METRICS},
        residuals={name: _percentiles(logs[name][0]) for name in METRICS},
        fitted=tuple(
            _fitted(run, one, counted) for run, one, counted in zip(clean, told, rows, strict=True)
        ),
        screened=tuple(screened.values()),
        unsure=tuple(_unsure(found, evidence, choice)),
        requests=int(sum(counted.sum() for counted in rows)),
    )


def latest(run: RunLog) -> RunLog:
    """The latest requests that may be learnt from, of a run that is longer than is needed."""
    if run.count <= MOST_REQUESTS:
        return run
    end = run.count
    if run.counted is not None and run.counted.any():
        end = int(np.flatnonzero(run.counted)[-1]) + 1
    return run.part(np.arange(max(0, end - MOST_REQUESTS), end))


def _refined(
    runs: Sequence[RunLog],
    evidence: Sequence[Evidence],
    choice: Choice,
    passes: int,
) -> Refined:
    """The end-to-end fit; a constant per prefill is always tried, since TTFT tells of it."""
    terms = tuple(term for term in TERMS if term in (*choice.terms, "with_prefill"))
    start, _ = fit_terms(evidence, choice.longest_from, terms)
    scale = scales(evidence, choice.longest_from)
    scale[[place for place, term in enumerate(TERMS) if term not in terms]] = 0.0
    return refine(runs, start, scale, choice.longest_from, passes)


def _why_none(screened: Mapping[str, Screened]) -> tuple[str, str]:
    told = "; ".join(f"{name}: {', '.join(one.reasons)}" for name, one in screened.items())
    return (
        f"no run may be learnt from ({told or 'none was given'}).",
        "Log every request that the engine serves, with time to first token, and its counters.",
    )


def _residuals(
    runs: Sequence[RunLog], told: Sequence[Predicted], rows: Sequence[Mask], metric: str
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """log(observed / predicted) of every counted request, and its run and day."""
    logs, groups = [], []
    for place, (run, one, counted) in enumerate(zip(runs, told, rows, strict=True)):
        observed, predicted = getattr(run, metric)[counted], getattr(one, metric)[counted]
        known = (observed > 0) & (predicted > 0)
        logs.append(np.log(observed[known] / predicted[known]))
        days = (run.arrivals[counted][known] // DAY_SECONDS).astype(np.int64)
        groups.append(place * MOST_DAYS + days)
    return np.concatenate(logs), np.concatenate(groups)


def _percentiles(logs: Floats) -> tuple[float, ...]:
    return tuple(np.exp(np.percentile(logs, PERCENTILES)).tolist())


def _fitted(run: RunLog, told: Predicted, rows: Mask) -> Fitted:
    means = [
        {metric: float(np.nanmean(getattr(source, metric)[rows])) for metric in METRICS}
        for source in (run, told)
    ]
    return Fitted(run.name, int(rows.sum()), means[0], means[1])


def _unsure(found: Refined, evidence: Sequence[Evidence], choice: Choice) -> list[str]:
    tried = (*choice.terms, "with_prefill", "overhead")
    said = [
        f"{name} is pinned at 0: the runs show no such cost"
        if name in tried
        else f"{name} is left out: it does not help to tell one run from the others"
        for name, value in zip(NAMES, found.values, strict=True)
        if value == 0
    ]
    design = np.concatenate([one.design(1)[:, :3] for one in evidence])
    per_step = design[:, 1:] / design[:, :1]
    if per_step.std(axis=0).all() and np.corrcoef(per_step.T)[0, 1] > ALIKE:
        said.append(
            "per_running and per_kv_token cannot be told apart: running requests and their tokens "
            "rose and fell together; only their joint cost is known"
        )
    if "per_running" not in choice.terms:
        said.append("base holds the cost of running requests too: the batch hardly varied")
    said.append(
        "overhead holds network, tokeniser and scheduling alike; the cost of fetching KV from "
        "host memory is not told apart from computing it"
    )
    return said
