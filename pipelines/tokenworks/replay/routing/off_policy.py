"""Off-policy estimates: what quality another router would have had, from a log of this one.

They need a router that tried alternatives at random, and the probability with which it took what
it took (its propensity). An answer weighs w = probability under the other router / propensity:

- IPS: mean of w x score. Unbiased; its spread grows with the weights.
- SNIPS: sum of w x score / sum of w. Slightly biased, steadier.
- DR: what a model of the scores says of the other router, corrected by w x (score - model). Right
  if either the propensities or the model is.

The effective sample size (sum of w)^2 / sum of w^2 says how many answers the estimate rests on.
What the log cannot carry is refused in `quality`, not here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Answers' worth of the overall mean that each action's mean is shrunk by in the score model.
PRIOR = 100.0
DRAWS = 1000
#: Beyond so many groups, neighbours are drawn together: the spread is the same, the work is not.
MOST_GROUPS = 10_000
_SHARES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Log:
    """Judged answers of a router that chose at random.

    Attributes:
        action: position of the action (tier, model) that was taken.
        score: how good the answer was.
        propensity: probability with which the action was taken, in (0, 1].
        policy: (answer, action) probabilities of the other router; each row sums to 1.
        group: answers of one group (a session, an hour) vary together.
        context: answers that the score model tells apart; all zeros for one model of all.
    """

    action: Ints
    score: Floats
    propensity: Floats
    policy: Floats
    group: Ints
    context: Ints

    @classmethod
    def of(
        cls,
        action: Ints,
        score: Floats,
        propensity: Floats,
        policy: Floats,
        group: Ints | None = None,
        context: Ints | None = None,
    ) -> Log:
        """A log; without groups every answer stands for itself, without contexts all are alike."""
        return cls(
            action=action,
            score=score,
            propensity=propensity,
            policy=policy,
            group=np.arange(action.size) if group is None else group,
            context=np.zeros(action.size, dtype=np.int64) if context is None else context,
        )

    @property
    def count(self) -> int:
        """Number of answers."""
        return self.action.size

    @property
    def followed(self) -> Floats:
        """Probability with which the other router takes the action that was taken."""
        chosen: Floats = self.policy[np.arange(self.count), self.action]
        return chosen

    @property
    def weights(self) -> Floats:
        """Weight of each answer."""
        return self.followed / self.propensity


@dataclass(frozen=True)
class Value:
    """An estimated mean score and how it would vary had other groups come."""

    value: float
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True)
class OffPolicy:
    """Mean score of the other router, by three estimators, and how far the log carries it.

    Attributes:
        ips, snips, dr: the estimates.
        gain: DR less the mean score of the log, drawn together.
        logged: mean score of the log itself.
        rows: answers in the log.
        effective_size: answers that the estimate rests on.
        largest_weight: weight of the heaviest answer.
        largest_share: its share of all weight.
        mean_weight: 1 where the log covers all that the other router does; less where it does not.
        uncovered: share of what the other router does of which the log shows that it never did it.
    """

    ips: Value
    snips: Value
    dr: Value
    gain: Value
    logged: float
    rows: int
    effective_size: float
    largest_weight: float
    largest_share: float
    mean_weight: float
    uncovered: float


def evaluate(log: Log, seed: int, prior: float = PRIOR) -> OffPolicy:
    """Estimate the mean score of another router.

    Args:
        log: judged answers with propensities.
        seed: of the bootstrap over groups.
        prior: shrinkage of the score model, in answers.

    Returns:
        The estimates. The score model is each action's mean within a context, shrunk towards the
        mean of all; no answer takes part in its own prediction, so chance is not fitted.
    """
    weights, direct, taken = log.weights, *modelled(log, prior)
    corrected = direct + weights * (log.score - taken)
    total = float(weights.sum())
    drawn = _bootstrap(log, weights, corrected, seed)
    ips = float((weights * log.score).mean())
    snips = float((weights * log.score).sum() / total) if total else float("nan")
    return OffPolicy(
        ips=_value(ips, drawn[0]),
        snips=_value(snips, drawn[1]),
        dr=_value(float(corrected.mean()), drawn[2]),
        gain=_value(float((corrected - log.score).mean()), drawn[3]),
        logged=float(log.score.mean()),
        rows=log.count,
        effective_size=effective_size(weights),
        largest_weight=float(weights.max()),
        largest_share=float(weights.max()) / total if total else float("nan"),
        mean_weight=float(weights.mean()),
        uncovered=uncovered(log),
    )


def effective_size(weights: Floats) -> float:
    """Number of equally weighted answers that would vary as much; 0 where all weights are."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def uncovered(log: Log) -> float:
    """Share of the other router's choices where the log took another action with certainty."""
    certain = log.propensity >= 1.0
    return float(np.where(certain, 1.0 - log.followed, 0.0).mean())


def modelled(log: Log, prior: float) -> tuple[Floats, Floats]:
    """Predicted score of what the other router does, and of what was done, for each answer."""
    actions = log.policy.shape[1]
    cells = (int(log.context.max()) + 1) * actions
    own = log.context * actions + log.action
    counts = np.bincount(own, minlength=cells).astype(np.float64)
    sums = np.bincount(own, weights=log.score, minlength=cells)
    rest = (log.score.sum() - log.score) / max(log.count - 1, 1)
    direct, taken = np.zeros(log.count), np.zeros(log.count)
    for action in range(actions):
        cell = log.context * actions + action
        mine = cell == own
        others = counts[cell] - mine
        predicted = (sums[cell] - mine * log.score + prior * rest) / (others + prior)
        direct += log.policy[:, action] * predicted
        taken[mine] = predicted[mine]
    return direct, taken


def _bootstrap(log: Log, weights: Floats, corrected: Floats, seed: int) -> Floats:
    """IPS, SNIPS, DR and its gain in draws of as many groups, with replacement."""
    names, group = np.unique(log.group, return_inverse=True)
    if names.size > MOST_GROUPS:
        group = group * MOST_GROUPS // names.size
    parts = (np.ones(log.count), weights, weights * log.score, corrected, corrected - log.score)
    sums = np.stack([np.bincount(group, weights=part) for part in parts], axis=1)
    generator = np.random.default_rng(seed)
    drawn = np.empty((DRAWS, len(parts)))
    for draw in range(DRAWS):
        picked = np.bincount(generator.integers(0, len(sums), len(sums)), minlength=len(sums))
        drawn[draw] = picked @ sums
    rows, weight, scored, right, gained = drawn.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([scored / rows, scored / weight, right / rows, gained / rows])


def _value(value: float, draws: Floats) -> Value:
    known = draws[~np.isnan(draws)]
    if known.size == 0:
        return Value(value, *(float("nan") for _ in _SHARES))
    p10, p50, p90 = (float(one) for one in np.quantile(known, _SHARES))
    return Value(value, p10, p50, p90)
