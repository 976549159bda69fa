"""What the GPUs of a deployment draw, by what runs on them.

    joules = i (GPU-seconds without a request) + a (GPU-seconds with one)
           + b (requests, or doublings of them, times GPU-seconds) + c (prompt tokens computed)

over the hours of a deployment, with all coefficients at least 0 and fitted on relative error. A GPU
draws more for a larger batch, and less for each further request of it; which of the two forms
tells it, and whether prompts draw of their own, is chosen by telling hours from the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.least_squares import relative_fit

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Terms of the load, in the order of every design.
LOAD = ("busy", "running", "doublings", "prefill_tokens")
TERMS = ("idle", *LOAD)
#: Sets of terms that are tried, the plainer first.
TRIED = (
    ("idle", "busy"),
    ("idle", "busy", "running"),
    ("idle", "busy", "doublings"),
    ("idle", "busy", "prefill_tokens"),
    ("idle", "busy", "running", "prefill_tokens"),
    ("idle", "busy", "doublings", "prefill_tokens"),
)
#: Fewest hours that a law is learnt from, and into how many stretches they are cut to be left out.
LEAST_HOURS, FOLDS = 24, 8
#: A set of more terms is taken where it lowers the left-out error by this share of it.
LEAST_GAIN = 0.02
#: Left-out error from which a law tells nothing.
MOST_ERROR = 0.25


@dataclass(frozen=True)
class PowerChoice:
    """A set of terms, and the root mean square of the relative error over left-out hours."""

    terms: tuple[str, ...]
    left_out_error: float


@dataclass(frozen=True)
class PowerLaw:
    """What one GPU draws.

    Attributes:
        idle: watts without a request.
        busy: watts with at least one.
        running: watts more for each request on its replica.
        doublings: watts more for each doubling of one more than the requests on its replica.
        prefill_tokens: joules of a prompt token computed, on all GPUs of the replica.
        standard_errors: of each coefficient; NaN where pinned at 0.
        choice: the terms, and how well they told hours from the others.
        rejected: the other sets of terms.
        hours: hours that it was learnt from.
    """

    idle: float
    busy: float
    running: float
    doublings: float
    prefill_tokens: float
    standard_errors: Mapping[str, float]
    choice: PowerChoice
    rejected: tuple[PowerChoice, ...]
    hours: int

    def joules(self, load: Floats) -> Floats:
        """Energy while busy, of loads whose first axis is that of `LOAD`."""
        weights = np.array([getattr(self, term) for term in LOAD])
        drawn: Floats = np.tensordot(weights, load, axes=1)
        return drawn

    def above_idle(self, load: Floats) -> Floats:
        """The part of it that an empty GPU would not have drawn; all of it where that is more."""
        if self.idle >= self.busy:
            return self.joules(load)
        above: Floats = self.joules(load) - self.idle * load[LOAD.index("busy")]
        return above


@dataclass(frozen=True)
class PowerHours:
    """Tables (deployment, hour) of history.

    Attributes:
        idle: GPU-seconds without a request.
        load: tables by term of `LOAD`, which comes first.
        joules: what the GPUs drew.
        told: hours that count.
    """

    idle: Floats
    load: Floats
    joules: Floats
    told: Mask


@dataclass(frozen=True)
class Power:
    """What history tells of power.

    Attributes:
        hours: the hours.
        laws: by deployment that served something: its law, or why it has none.
    """

    hours: PowerHours
    laws: Mapping[int, PowerLaw | str]

    @property
    def learnt(self) -> dict[int, PowerLaw]:
        """The deployments that have a law."""
        return {position: law for position, law in self.laws.items() if isinstance(law, PowerLaw)}


def learn_power(idle: Floats, load: Floats, joules: Floats) -> PowerLaw | str:
    """Learn the law of one deployment.

    Args:
        idle: GPU-seconds of each hour without a request.
        load: table (term of `LOAD`, hour).
        joules: what its GPUs drew in each hour.

    Returns:
        The law, or why there is none.
    """
    if len(joules) < LEAST_HOURS:
        return (
            f"{len(joules)} hours tell its energy and all that ran in them; {LEAST_HOURS} are "
            "needed"
        )
    design = np.column_stack([idle, *load])
    tried = [PowerChoice(terms, _left_out(design, joules, terms)) for terms in TRIED]
    chosen = tried[0]
    for other in tried[1:]:
        least = LEAST_GAIN if len(other.terms) > len(chosen.terms) else 0.0
        if other.left_out_error < (1 - least) * chosen.left_out_error:
            chosen = other
    if not chosen.left_out_error < MOST_ERROR:
        return f"hours left out are missed by {chosen.left_out_error:.0%}: load does not tell them"
    coefficients = _fit(design, joules, chosen.terms)
    errors = _standard_errors(design, joules, coefficients)
    return PowerLaw(
        **dict(zip(TERMS, coefficients.tolist(), strict=True)),
        standard_errors=dict(zip(TERMS, errors.tolist(), strict=True)),
        choice=chosen,
        rejected=tuple(other for other in tried if other != chosen),
        hours=len(joules),
    )


def _fit(design: Floats, joules: Floats, terms: tuple[str, ...]) -> Floats:
    chosen = [TERMS.index(term) for term in terms]
    coefficients = np.zeros(len(TERMS))
    coefficients[chosen] = relative_fit(design[:, chosen], joules)
    return coefficients


def _left_out(design: Floats, joules: Floats, terms: tuple[str, ...]) -> float:
    """Root mean square of the relative error of stretches of hours, each told from the others."""
    fold = np.arange(len(joules)) * FOLDS // len(joules)
    errors = []
    for one in range(FOLDS):
        left = fold == one
        fitted = design[left] @ _fit(design[~left], joules[~left], terms)
        errors.append((joules[left] - fitted) / np.maximum(fitted, 1e-9))
    return float(np.sqrt((np.concatenate(errors) ** 2).mean()))


def _standard_errors(design: Floats, joules: Floats, coefficients: Floats) -> Floats:
    fitted = np.maximum(design @ coefficients, 1e-9)
    inside = np.flatnonzero(coefficients > 0)
    relative = design[:, inside] / fitted[:, None]
    freedom = max(1, len(joules) - inside.size)
    variance = float((((joules - fitted) / fitted) ** 2).sum()) / freedom
    covariance = variance * np.linalg.pinv(relative.T @ relative)
    errors = np.full(len(TERMS), np.nan)
    errors[inside] = np.sqrt(np.diag(covariance))
    return errors
