"""First fit of the step law: what each request's decoding cost, on what ran beside it.

A request that makes n tokens after its first one lives through n steps. Their seconds are

    a n + b sum(running) + g sum(kv) + d (tokens prefilled meanwhile) + e (steps with a prefill)
    + m sum(load of the busiest worker)

with the sums taken as n times the mean over the time between first token and end. All
coefficients are at least 0 and fitted on relative error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tokenworks.replay.calibration.least_squares import relative_fit
from tokenworks.replay.calibration.occupancy import Occupancy
from tokenworks.replay.calibration.runs import Floats, Mask, RunLog

#: Terms of a step, in the order of every design.
TERMS = (
    "base",
    "per_running",
    "per_kv_token",
    "per_prefill_token",
    "with_prefill",
    "per_longest",
)
#: Fewest output tokens of a request whose pace is learnt from.
LEAST_STEPS = 8


@dataclass(frozen=True)
class Evidence:
    """One run, ready to be regressed: its log, what ran beside each request, who counts."""

    log: RunLog
    beside: Occupancy
    rows: Mask

    @classmethod
    def of(cls, log: RunLog) -> Evidence:
        """Evidence from the requests that came after the start-up burst."""
        beside = Occupancy.of(log, log.limits.token_budget)
        long = log.output > LEAST_STEPS
        return cls(log, beside, log.usable & long & (log.e2e > log.ttft) & after_burst(log))

    @cached_property
    def seconds(self) -> Floats:
        """Decoding seconds of the counted requests."""
        seconds: Floats = (self.log.e2e - self.log.ttft)[self.rows]
        return seconds

    @cached_property
    def steps(self) -> Floats:
        """Steps that each counted request lived through after its first token."""
        return (self.log.output[self.rows] - 1).astype(np.float64)

    @cached_property
    def _known_terms(self) -> Floats:
        first, end = self._lifetimes
        tokens, prefills = self.beside.prefill_within(first, end)
        running, kv = (
            self.steps * self.beside.mean(grid, first, end)
            for grid in (self.beside.running, self.beside.kv)
        )
        return np.column_stack([self.steps, running, kv, tokens, prefills])

    @property
    def _lifetimes(self) -> tuple[Floats, Floats]:
        return (self.log.arrivals + self.log.ttft)[self.rows], self.log.ends[self.rows]

    def design(self, longest_from: int) -> Floats:
        """One row per counted request, one column per term."""
        load = self.beside.mean(self.beside.spread_load(longest_from), *self._lifetimes)
        return np.column_stack([self._known_terms, self.steps * load])


def after_burst(log: RunLog) -> Mask:
    """Requests after the start-up burst, in which every client asks its first at once.

    The burst lasts as long as its slowest first token; requests that arrive in it queue for each
    other as no later ones do.
    """
    if not log.count:
        return np.zeros(0, dtype=np.bool_)
    started = log.arrivals <= log.arrivals[0] + 1.0
    clients = len(np.unique(log.client[log.client >= 0]))
    if clients < 2 or started.sum() < 0.5 * clients:
        return np.ones(log.count, dtype=np.bool_)
    end = float(np.nanmax((log.arrivals + log.ttft)[started], initial=0.0))
    late: Mask = log.arrivals > end
    return late


def fit_terms(
    evidence: Sequence[Evidence], longest_from: int, terms: Sequence[str]
) -> tuple[Floats, Floats]:
    """Coefficients of every term, 0 for those left out, and observed over fitted per request.

    Runs count alike, however many requests they hold.
    """
    designs = [one.design(longest_from) for one in evidence]
    return fit_designs(designs, [one.seconds for one in evidence], terms)


def fit_designs(
    designs: Sequence[Floats], targets: Sequence[Floats], terms: Sequence[str]
) -> tuple[Floats, Floats]:
    """The same on designs that are at hand."""
    design, seconds = np.concatenate(designs), np.concatenate(targets)
    counts = np.concatenate([np.full(len(part), 1 / max(1, len(part))) for part in targets])
    chosen = [TERMS.index(term) for term in terms]
    coefficients = np.zeros(len(TERMS))
    coefficients[chosen] = relative_fit(design[:, chosen], seconds, counts)
    return coefficients, seconds / np.maximum(design @ coefficients, 1e-12)
