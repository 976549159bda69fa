"""The cost-quality frontier of a router: its scores cut at every threshold, over paired labels.

A score says how much a prompt needs the strong model (a win rate, a difficulty): those at or above
the threshold go to the strong model. Measures of the whole curve are RouteLLM's:

- CPT(q): share of prompts to the strong model at which quality reaches q of the way from weak to
  strong, by linear interpolation of the share over quality.
- APGR: (AUC - AUC of weak) / (AUC of strong - AUC of weak), trapezoids over the share. An oracle
  exceeds 1, since it keeps answers that only the weak model gets right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError

Floats = NDArray[np.float64]

#: Points of RouteLLM's curves: ten bins of equally many prompts.
BINS = 10
#: Folds in which a fitted threshold is judged, and fewest labels for it.
FOLDS, LEAST_JUDGED = 5, 10


@dataclass(frozen=True)
class Curve:
    """Quality by share to the strong model, by ascending share.

    Attributes:
        shares: share of prompts that the strong model answers, 0 to 1.
        qualities: mean score of the answers.
        thresholds: threshold of each point; NaN where no score is behind it.
        costs: total cost at each point; null where costs are unknown.
    """

    shares: Floats
    qualities: Floats
    thresholds: Floats
    costs: Floats | None = None


@dataclass(frozen=True)
class Ends:
    """Mean quality of the weak and of the strong model on the prompts of a curve."""

    weak: float
    strong: float

    @classmethod
    def of(cls, weak: Floats, strong: Floats) -> Ends:
        """Means of the scores."""
        return cls(float(weak.mean()), float(strong.mean()))


def threshold_sweep(
    scores: Floats,
    weak: Floats,
    strong: Floats,
    thresholds: Floats,
    costs: tuple[Floats, Floats] | None = None,
) -> Curve:
    """Quality (and cost) of a router at some thresholds.

    Args:
        scores: the router's score of each prompt.
        weak: score of the weak model's answer.
        strong: score of the strong model's answer.
        thresholds: ascending; a prompt goes to the strong model from this score on.
        costs: cost of each weak and of each strong answer.

    Returns:
        One point per threshold, by ascending share.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    cut = np.searchsorted(ranked, thresholds, side="left")
    total = None if costs is None else _cut_sums(costs[0][order], costs[1][order], cut)
    return Curve(
        shares=((ranked.size - cut) / ranked.size)[::-1],
        qualities=(_cut_sums(weak[order], strong[order], cut) / ranked.size)[::-1],
        thresholds=thresholds[::-1],
        costs=None if total is None else total[::-1],
    )


def _cut_sums(below: Floats, above: Floats, cut: NDArray[np.int64]) -> Floats:
    """Sum of `below` before each cut and of `above` from it on."""
    before = np.concatenate([[0.0], np.cumsum(below)])
    after = np.concatenate([np.cumsum(above[::-1])[::-1], [0.0]])
    sums: Floats = before[cut] + after[cut]
    return sums


def binned_thresholds(scores: Floats, bins: int = BINS) -> Floats:
    """RouteLLM's thresholds: bounds of bins of equally many prompts, the last above all scores."""
    bounds: Floats = np.unique(np.quantile(scores, np.linspace(0.0, 1.0, bins + 1)))
    bounds[-1] = np.inf
    return bounds


def every_threshold(scores: Floats) -> Floats:
    """Every threshold that makes a difference, and one above all scores."""
    distinct: Floats = np.append(np.unique(scores), np.inf)
    return distinct


def optimal_curve(weak: Floats, strong: Floats, shares: Floats) -> Curve:
    """What an oracle reaches with at most each share: the prompts that gain most go first.

    It never sends a prompt that loses by it, so from the share of prompts that gain on it is flat.
    """
    gains = np.sort(np.maximum(strong - weak, 0.0))[::-1]
    reached = np.concatenate([[0.0], np.cumsum(gains)])
    calls = shares * weak.size
    gained = np.interp(calls, np.arange(weak.size + 1), reached)
    return Curve(shares, weak.mean() + gained / weak.size, np.full(shares.size, np.nan))


def call_share_at(curve: Curve, ends: Ends, part: float) -> float:
    """CPT(part): share to the strong model that recovers `part` of the gap.

    As RouteLLM computes it; on a curve that falls somewhere it is one of several crossings.
    """
    wanted = part * (ends.strong - ends.weak) + ends.weak
    return float(np.interp(wanted, curve.qualities, curve.shares))


def gap_recovered(curve: Curve, ends: Ends) -> float | None:
    """APGR; null where weak and strong are equally good or the curve has no width."""
    width = float(curve.shares[-1] - curve.shares[0])
    gap = (ends.strong - ends.weak) * width
    area = float(np.trapezoid(curve.qualities, curve.shares))
    return (area - ends.weak * width) / gap if gap else None


def random_curve(weak: Floats, strong: Floats, seeds: Sequence[int], bins: int = BINS) -> Curve:
    """A router that knows nothing: mean over seeds of uniform scores, cut into bins."""
    curves = []
    for seed in seeds:
        scores = np.random.default_rng(seed).random(weak.size)
        curves.append(threshold_sweep(scores, weak, strong, binned_thresholds(scores, bins)))
    return Curve(
        shares=np.mean([curve.shares for curve in curves], axis=0),
        qualities=np.mean([curve.qualities for curve in curves], axis=0),
        thresholds=np.full(bins + 1, np.nan),
    )


@dataclass(frozen=True)
class Fitted:
    """A threshold fitted to traffic.

    Attributes:
        threshold: prompts go to the strong model from this score on.
        share: share of the traffic that does.
        quality: mean score on the labels; null where it was fitted to a share.
        quality_elsewhere: mean score on labels that thresholds were not fitted to, each fold by
            the others; null under `LEAST_JUDGED` labels, and where it was fitted to a share.
    """

    threshold: float
    share: float
    quality: float | None = None
    quality_elsewhere: float | None = None


def fit_to_share(scores: Floats, share: float) -> Fitted:
    """The threshold that sends the most, but no more than a share, to the strong model.

    Prompts of one score go together, so the share that is reached may be smaller than asked.
    """
    known = np.sort(scores[~np.isnan(scores)])
    if known.size == 0:
        raise LeverRefusedError(
            "routing.score", "no request has a score.", "Score the requests, or route by rules."
        )
    distinct, first = np.unique(known, return_index=True)
    reached = np.append((known.size - first) / known.size, 0.0)
    at = int(np.argmax(reached <= share + 1e-12))
    threshold = float(distinct[at]) if at < distinct.size else float("inf")
    return Fitted(threshold, float(reached[at]))


def fit_to_quality(scores: Floats, weak: Floats, strong: Floats, least: float) -> Fitted:
    """The threshold with the smallest share to the strong model that keeps a mean score.

    On its own labels it looks better than it is, so it is judged on others too.
    """
    curve = threshold_sweep(scores, weak, strong, every_threshold(scores))
    at = _keeping(curve, least)
    if at is None:
        best = curve.qualities.max()
        raise LeverRefusedError(
            "routing.score.quality_at_least",
            f"no threshold reaches {least:.6g}; the best mean score on the labels is {best:.6g}.",
            "Ask for less, or use a better score.",
        )
    return Fitted(
        float(curve.thresholds[at]),
        float(curve.shares[at]),
        float(curve.qualities[at]),
        _quality_elsewhere(scores, weak, strong, least),
    )


def _keeping(curve: Curve, least: float) -> int | None:
    good = np.flatnonzero(curve.qualities >= least - 1e-12)
    return int(good[0]) if good.size else None


def _quality_elsewhere(scores: Floats, weak: Floats, strong: Floats, least: float) -> float | None:
    """Mean score with each fold decided by a threshold fitted to the others.

    Folds take every fifth label by score. Where the others keep the score nowhere, their best
    threshold decides.
    """
    if scores.size < LEAST_JUDGED:
        return None
    fold = np.empty(scores.size, dtype=np.int64)
    fold[np.argsort(scores, kind="stable")] = np.arange(scores.size) % FOLDS
    reached = np.empty(scores.size)
    for one in range(FOLDS):
        held = fold == one
        learnt = scores[~held], weak[~held], strong[~held]
        curve = threshold_sweep(*learnt, every_threshold(learnt[0]))
        at = _keeping(curve, least)
        threshold = curve.thresholds[np.argmax(curve.qualities) if at is None else at]
        reached[held] = np.where(scores[held] >= threshold, strong[held], weak[held])
    return float(reached.mean())


def cheapest_at(costs: Floats, qualities: Floats, least: float) -> int | None:
    """Position of the cheapest point that is at least so good; null where none is."""
    good = np.flatnonzero(qualities >= least - 1e-12)
    return int(good[np.argmin(costs[good])]) if good.size else None
