"""The law by which each deployment of the fleet is replayed, learnt from its own history.

A deployment with too little history of its own takes the law of the same model and tier elsewhere.
What the step law leaves unexplained is kept as a spread around it, scaled so that means are met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.apart import UNSURE, learn_apart
from tokenworks.replay.calibration.hull import Hull
from tokenworks.replay.calibration.prefill import Told, refit_prefill
from tokenworks.replay.calibration.regression import after_burst
from tokenworks.replay.calibration.runs import EngineLimits, RunLog
from tokenworks.replay.calibration.step_law import calibrate_steps, latest
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.serving.disaggregation import Apart
from tokenworks.replay.serving.steps import Limits, StepLaw
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]

#: Tokens of a KV block where nobody says otherwise.
BLOCK_TOKENS = 16
#: Quantiles of the spread that are kept, and where its mean is taken.
_SHARES = np.linspace(0.0, 1.0, 2001)
_MIDDLES = np.linspace(0.00025, 0.99975, 2000)


@dataclass(frozen=True)
class Spread:
    """Observed over predicted: its quantiles, and the factor that meets the mean."""

    quantiles: Floats
    factor: float

    def at(self, shares: Floats) -> Floats:
        """The ratio at some shares."""
        ratios: Floats = self.factor * np.interp(shares, _SHARES, self.quantiles)
        return ratios


@dataclass(frozen=True)
class ServingLaw:
    """How one deployment serves.

    Attributes:
        law: seconds of a step.
        overhead: seconds of a request outside the engine.
        limits: what one replica can hold.
        first_token, token: spread of the time to first token and of the time per token.
        hull: where the law has been seen to hold.
        source: deployments that it was learnt from, in words.
        unsure: what the data does not tell, in words.
        misfit: error of the fit in expected errors.
        requests: requests learnt from.
        apart: its pools, where prompts and tokens are made apart; `law` then is that of a replica
            that does both as they do.
    """

    law: StepLaw
    overhead: float
    limits: Limits
    first_token: Spread
    token: Spread
    hull: Hull
    source: str
    unsure: tuple[str, ...]
    misfit: float
    requests: int
    apart: Apart | None = None


RunsOf = Callable[[int], list[RunLog]]


def learn_laws(
    fleet: Fleet, served: Iterable[int], runs_of: RunsOf, told: Callable[[int, int], None]
) -> dict[int, ServingLaw]:
    """The law of every deployment that served something.

    Args:
        fleet: the deployments.
        served: positions of those that served something.
        runs_of: runs of a deployment.
        told: called with the number of laws learnt and of all.

    Raises:
        LeverRefusedError: neither it nor its like tells a law; the message says what to log.
    """
    positions = [int(position) for position in served]
    laws: dict[int, ServingLaw] = {}
    for position in positions:
        told(len(laws), len(positions))
        laws[position] = law_of(fleet, position, positions, runs_of)
    return laws


def law_of(fleet: Fleet, position: int, served: Iterable[int], runs_of: RunsOf) -> ServingLaw:
    """The law of one deployment, of its own history or that of its like."""
    name, runs = fleet.ids[position], runs_of(position)
    if fleet.apart[position]:
        return _law_apart(fleet, position, runs)
    try:
        return _law(fleet, position, runs, name)
    except LeverRefusedError as refused:
        kind = (fleet.models[position], fleet.tiers[position])
        alike = [
            other
            for other in served
            if other != position
            and not fleet.apart[other]
            and (fleet.models[other], fleet.tiers[other]) == kind
        ]
        pooled = [replace(run, deployment=name) for other in alike for run in runs_of(other)]
        if not pooled:
            raise LeverRefusedError(f"deployment {name}", refused.why, refused.hint) from refused
        names = ", ".join(fleet.ids[other] for other in alike)
        return _law(fleet, position, pooled, f"pooled over {names}")


def _law(fleet: Fleet, position: int, runs: list[RunLog], source: str) -> ServingLaw:
    learnt = calibrate_steps(runs)
    most = int(fleet.slots[position]) or max(1, int(np.ceil(learnt.hull.running.high)))
    budget, kv = learnt.limits.token_budget, learnt.limits.kv_tokens
    names = {one.name for one in learnt.fitted}
    limits = EngineLimits(most, budget, kv)
    clean = [replace(latest(run), limits=limits) for run in runs if run.name in names]
    told = refit_prefill(clean, learnt.law, learnt.overhead)
    return ServingLaw(
        law=told.law,
        overhead=told.overhead,
        limits=Limits(
            max_num_seqs=most,
            token_budget=max(budget, most) if budget is not None else None,
            kv_blocks=kv // BLOCK_TOKENS if kv is not None else None,
            block_tokens=BLOCK_TOKENS,
            admission_lag_steps=1,
        ),
        first_token=_spread(clean, told, "ttft"),
        token=_spread(clean, told, "tpot"),
        hull=learnt.hull,
        source=source,
        unsure=learnt.unsure,
        misfit=learnt.misfit,
        requests=learnt.requests,
    )


def _law_apart(fleet: Fleet, position: int, runs: list[RunLog]) -> ServingLaw:
    name = fleet.ids[position]
    if not runs:
        raise LeverRefusedError(
            f"deployment {name}",
            "its pools are apart, and it has served nothing that would tell their laws.",
            "Replay a window in which it served.",
        )
    pools = int(fleet.prefill_replicas[position]), int(fleet.decode_replicas[position])
    limits = EngineLimits(max_num_seqs=int(fleet.slots[position]) or None)
    learnt = learn_apart(replace(latest(runs[0]), limits=limits), *pools)
    prefill, decode = learnt.apart.prefill.law, learnt.apart.decode.law
    both = replace(
        decode, per_prefill_token=prefill.per_prefill_token, with_prefill=prefill.with_prefill
    )
    return ServingLaw(
        law=both,
        overhead=0.0,
        limits=learnt.apart.decode.limits,
        first_token=_spread_around(*learnt.first),
        token=_spread_around(*learnt.rest),
        hull=learnt.hull,
        source=name,
        unsure=(UNSURE,),
        misfit=float("nan"),
        requests=learnt.requests,
        apart=learnt.apart,
    )


def _spread_around(observed: Floats, predicted: Floats) -> Spread:
    """Quantiles of observed over predicted, with the factor that meets the mean."""
    known = (observed > 0) & (predicted > 0)
    observed, predicted = observed[known], predicted[known]
    quantiles = np.quantile(observed / predicted, _SHARES)
    return _met(quantiles, float(observed.sum() / predicted.sum()))


def _met(quantiles: Floats, ratio: float) -> Spread:
    """Quantiles with the factor at which their mean meets that of all together."""
    return Spread(quantiles, ratio / float(np.interp(_MIDDLES, _SHARES, quantiles).mean()))


def _spread(runs: list[RunLog], told: Told, metric: str) -> Spread:
    """Quantiles of observed over predicted, with the factor that meets the mean of the runs."""
    ratios = told.ratios(runs, metric)
    if not ratios.size:
        return Spread(np.ones(len(_SHARES)), 1.0)
    quantiles = np.quantile(ratios, _SHARES)
    sums = np.zeros(2)
    for run, one in zip(runs, told.runs, strict=True):
        observed, predicted = getattr(run, metric), getattr(one, metric)
        known = run.usable & after_burst(run) & (observed > 0) & (predicted > 0)
        sums += observed[known].sum(), predicted[known].sum()
    return _met(quantiles, float(sums[0] / sums[1]))
