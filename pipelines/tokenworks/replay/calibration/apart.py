"""The laws of a deployment whose prompts and tokens are made on replicas of their own.

Its log shows both pools: a first token is the prefill pool's, and the time from there to the last
one the decode pool's, on steps that no prompt disturbs. What lies between them (keys and values
that travel) is part of the one or the other, since no log tells it. Which replica of a pool served
is not told either: requests are taken to have gone to the least loaded one of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tokenworks.replay.calibration.hull import Hull, hull_of
from tokenworks.replay.calibration.least_squares import relative_fit
from tokenworks.replay.calibration.prefill import refit_prefill
from tokenworks.replay.calibration.refine import law_of
from tokenworks.replay.calibration.regression import Evidence, fit_terms
from tokenworks.replay.calibration.runs import EngineLimits, Floats, Ints, Mask, RunLog
from tokenworks.replay.calibration.screening import LEAST_REQUESTS
from tokenworks.replay.calibration.terms import choose_terms
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.serving.disaggregation import Apart, Pool, Transfer, serve_apart
from tokenworks.replay.serving.in_flight import least_in_flight
from tokenworks.replay.serving.steps import Limits, StepLaw, Work

OF_PREFILL = ("per_prefill_token", "with_prefill")
#: What no log tells of pools apart.
UNSURE = (
    "the transfer between the pools is part of first tokens and of the time after them: no log "
    "tells it"
)


@dataclass(frozen=True)
class LearntApart:
    """The pools of one deployment, and what they leave unexplained.

    Attributes:
        apart: both pools.
        first, rest: seconds to the first token, and from there to the last: observed, predicted.
        hull: where the law of the decode pool has been seen to hold.
        requests: requests learnt from.
    """

    apart: Apart
    first: tuple[Floats, Floats]
    rest: tuple[Floats, Floats]
    hull: Hull
    requests: int


def learn_apart(run: RunLog, prefill: int, decode: int) -> LearntApart:
    """Learn both pools from the log of their deployment.

    Args:
        run: all of its requests.
        prefill: replicas that compute prompts and make first tokens.
        decode: replicas that make the others.

    Raises:
        LeverRefusedError: too few requests tell when their first token came.
    """
    told = run.usable & (run.ttft > 0) & (run.e2e >= run.ttft)
    long = told & (run.output > 1)
    if int(long.sum()) < LEAST_REQUESTS:
        raise LeverRefusedError(
            f"deployment {run.deployment}",
            f"its pools are apart, and {int(long.sum())} requests of more than one token tell "
            f"their first; {LEAST_REQUESTS} are needed.",
            "Log ttft_seconds and e2e_seconds of every request.",
        )
    decoding = _decoding(run, decode)
    hull = hull_of(decoding)
    most = run.limits.max_num_seqs or max(1, int(np.ceil(hull.running.high)))
    limits = Limits(max_num_seqs=most, admission_lag_steps=1)
    apart = Apart(
        Pool(_prefill_law(_prefilling(run, prefill)), limits, prefill),
        Pool(_decode_law(decoding), limits, decode),
        Transfer(),
    )
    work = Work(run.arrivals, np.maximum(run.input, 1), np.maximum(run.output, 1), run.cached)
    served = serve_apart(work, apart.prefill, apart.decode, apart.transfer)
    return LearntApart(
        apart,
        (run.ttft[told], (served.first_token - served.arrived)[told]),
        ((run.e2e - run.ttft)[long], (served.ended - served.first_token)[long]),
        hull,
        int(told.sum()),
    )


def _prefilling(run: RunLog, replicas: int) -> list[RunLog]:
    """What each replica computed: a request ends there with its first token."""
    seconds = np.where(np.isnan(run.ttft), run.e2e, run.ttft)
    alone = replace(run, e2e=seconds, output=np.ones_like(run.output))
    return _parts(alone, replicas)


def _decoding(run: RunLog, replicas: int) -> list[RunLog]:
    """What each replica decoded: a request begins there with its first token, all of it computed."""
    rows = np.flatnonzero((run.output > 1) & np.isfinite(run.ttft))
    ready = (run.arrivals + run.ttft)[rows]
    order = np.argsort(ready, kind="stable")
    part = run.part(rows[order])
    return _parts(
        replace(
            part,
            arrivals=ready[order],
            ttft=np.zeros(part.count),
            e2e=part.e2e - part.ttft,
            cached=part.input,
        ),
        replicas,
    )


def _parts(run: RunLog, replicas: int) -> list[RunLog]:
    replica = least_in_flight(run.arrivals, run.ends, replicas)
    unknown: Ints = np.full(run.count, -1, dtype=np.int64)
    alone = replace(run, client=unknown, limits=EngineLimits(run.limits.max_num_seqs))
    parts = [alone.part(replica == one) for one in np.unique(replica)]
    return [replace(part, arrivals=part.arrivals - part.arrivals[0]) for part in parts]


def _prefill_law(runs: list[RunLog]) -> StepLaw:
    """Seconds of a step that computes prompts; every step of this pool does.

    First from prompts that were alone on their replica, where enough were, and then with the queue.
    """
    rows = [run.usable & (run.ttft > 0) for run in runs]
    alone = [mine & _alone(run) for run, mine in zip(runs, rows, strict=True)]
    if sum(int(mine.sum()) for mine in alone) >= LEAST_REQUESTS:
        rows = alone
    uncached = np.concatenate([run.uncached[mine] for run, mine in zip(runs, rows, strict=True)])
    seconds = np.concatenate([run.ttft[mine] for run, mine in zip(runs, rows, strict=True)])
    design = np.column_stack([np.ones(len(uncached)), uncached])
    constant, per_token = relative_fit(design, seconds).tolist()
    start = StepLaw(0.0, per_prefill_token=per_token, with_prefill=constant)
    return refit_prefill(runs, start, 0.0).law


def _alone(run: RunLog) -> Mask:
    """Requests that nobody was beside on their replica."""
    before = np.concatenate([[-np.inf], np.maximum.accumulate(run.ends)[:-1]])
    after = np.concatenate([run.arrivals[1:], [np.inf]])
    alone: Mask = (before <= run.arrivals) & (run.ends <= after)
    return alone


def _decode_law(runs: list[RunLog]) -> StepLaw:
    """Seconds of a step that computes no prompt."""
    evidence = [Evidence.of(run) for run in runs]
    choice, _ = choose_terms(evidence)
    terms = [term for term in choice.terms if term not in OF_PREFILL]
    values, _ = fit_terms(evidence, choice.longest_from, terms)
    return law_of(np.append(values, 0.0), choice.longest_from)
