"""What another route does to quality: a claim with its doubt, or none with the reason.

Three ways, best first: labels of both models' answers to the same prompts; a log of a router that
chose at random, with its propensities; otherwise no claim. What cannot be known is refused with
what to log so that next time it can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.routing.off_policy import Log, OffPolicy, Value, evaluate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Basis = Literal["paired labels", "off-policy"]

#: Fewer answers than this carry no claim; so none carries more than a tenth of an estimate.
LEAST_ANSWERS = 100
#: How much of the other router's choices may lie outside the log.
MOST_UNCOVERED = 0.01
#: How far the mean weight may lie from 1 before the propensities or the overlap are in doubt.
WEIGHT_SLACK = 0.05
WEIGHT_ERRORS = 3.0

LOG_CHOICES = (
    "Send a small random share of requests (1 to 5 %) to each tier that a route may use, and log "
    "for every request the probability with which its tier was chosen (propensity) beside a score "
    "of the answer."
)
LOG_LABELS = (
    "Label answers of both models to the same requests: request_id, model and score, as "
    "quality_labels holds them."
)


@dataclass(frozen=True)
class Claim:
    """What the route does to the mean score.

    Attributes:
        basis: what it rests on.
        method: how it is made, in words.
        history: mean score of history's judged answers.
        delta: change of the mean score over all requests, with p10, p50 and p90.
        answers: judged answers that it rests on (effective ones, for off-policy).
        off_policy: the estimates behind it; null for paired labels.
    """

    basis: Basis
    method: str
    history: float
    delta: Value
    answers: float
    off_policy: OffPolicy | None = None


@dataclass(frozen=True)
class Stated:
    """A change of the mean score that the scenario states; nothing here measures it.

    Attributes:
        change: of the answers that it holds for.
        share: of the answers that these are.
    """

    change: float
    share: float

    @property
    def delta(self) -> float:
        """Over all answers."""
        return self.change * self.share

    @property
    def words(self) -> str:
        """What it rests on."""
        return (
            f"as stated in chips.quality_score_change, not measured here and without an interval: "
            f"{self.change:+g} on {self.share:.1%} of the answers"
        )


@dataclass(frozen=True)
class NoClaim:
    """Why nothing is said about quality, and what to log in future."""

    why: str
    log_in_future: str

    def refusal(self) -> LeverRefusedError:
        """The error for a scenario that asks for a claim."""
        return LeverRefusedError("quality", self.why, self.log_in_future)


def paired_claim(before: Floats, after: Floats, moved: Mask, seed: int) -> Claim | NoClaim:
    """Quality from labels of both answers to the same requests.

    Args:
        before: score of each request's answer in history; NaN where nobody judged it.
        after: score of the answer that the scenario's model gave to it; NaN where unknown.
        moved: requests whose answer changes; the others keep theirs.
        seed: of the bootstrap over requests.

    Returns:
        The change of the mean over all requests: the share that moves times the mean change of
        the labelled ones among them, which is theirs only if labelling did not choose.
    """
    labelled = moved & ~np.isnan(before) & ~np.isnan(after)
    count, moving = int(labelled.sum()), int(moved.sum())
    if count < LEAST_ANSWERS:
        return NoClaim(
            f"of {moving:,} requests whose answer changes, {count:,} have labels of both answers; "
            f"a claim takes {LEAST_ANSWERS}.",
            LOG_LABELS,
        )
    change = after[labelled] - before[labelled]
    share = moving / moved.size
    generator = np.random.default_rng(seed)
    means = np.array([change[generator.integers(0, count, count)].mean() for _ in range(400)])
    p10, p50, p90 = (float(one) for one in np.quantile(share * means, (0.1, 0.5, 0.9)))
    return Claim(
        basis="paired labels",
        method=(
            f"mean change of the score on {count:,} of {moving:,} changed answers that are judged "
            "for both models, times the share of requests that change"
        ),
        history=float(np.nanmean(before)),
        delta=Value(float(share * change.mean()), p10, p50, p90),
        answers=float(count),
    )


def off_policy_claim(log: Log, seed: int) -> Claim | NoClaim:
    """Quality from a log with propensities; refused where the log does not carry the route.

    Args:
        log: judged answers; `policy` is the scenario's route (0 or 1 where it does not draw lots).
        seed: of the bootstrap over groups.

    Returns:
        The change of the mean score by the doubly robust estimate.
    """
    problem = _unusable(log)
    if problem is not None:
        return problem
    found = evaluate(log, seed)
    problem = _too_thin(log, found)
    if problem is not None:
        return problem
    return Claim(
        basis="off-policy",
        method=(
            f"doubly robust estimate on {found.rows:,} judged answers, which weigh as "
            f"{found.effective_size:,.0f}; the heaviest is {found.largest_share:.1%} of all weight "
            f"(IPS {found.ips.value:.6g}, SNIPS {found.snips.value:.6g})"
        ),
        history=found.logged,
        delta=found.gain,
        answers=found.effective_size,
        off_policy=found,
    )


def _unusable(log: Log) -> NoClaim | None:
    known = ~np.isnan(log.propensity)
    if not known.any():
        return NoClaim(
            "the log has no propensities: nothing says with which probability a tier was chosen.",
            LOG_CHOICES,
        )
    if not known.all():
        return NoClaim(
            f"{int((~known).sum()):,} of {log.count:,} judged answers have no propensity.",
            "Leave them out if they are a random part, and log a propensity with every request.",
        )
    wrong = (log.propensity <= 0) | (log.propensity > 1)
    if wrong.any():
        worst = float(log.propensity[wrong][0])
        return NoClaim(
            f"{int(wrong.sum()):,} propensities lie outside (0, 1], for example {worst:.6g}.",
            "Log the probability of the choice that was made; it is never 0.",
        )
    if (log.propensity == 1).all():
        return NoClaim(
            "the router is deterministic: it never chose otherwise, so nothing shows how another "
            "choice would have done.",
            LOG_CHOICES,
        )
    return None


def _too_thin(log: Log, found: OffPolicy) -> NoClaim | None:
    if found.uncovered > MOST_UNCOVERED:
        return NoClaim(
            f"no overlap: for {found.uncovered:.1%} of the answers the route takes what the log "
            "never did.",
            LOG_CHOICES,
        )
    if found.effective_size < LEAST_ANSWERS:
        return NoClaim(
            f"the effective sample size is {found.effective_size:.3g} in {found.rows:,} answers; a "
            f"claim takes {LEAST_ANSWERS}.",
            f"{LOG_CHOICES} A larger share at random makes the weights more equal.",
        )
    error = float(log.weights.std()) / float(np.sqrt(log.count))
    slack = max(WEIGHT_SLACK, WEIGHT_ERRORS * error)
    if abs(found.mean_weight - 1.0) > slack:
        return NoClaim(
            f"the weights average {found.mean_weight:.3g} where full overlap gives 1: the log never "
            "does some of what the route does, or its propensities are not those of its choices.",
            LOG_CHOICES,
        )
    return None
