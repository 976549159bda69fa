"""The semantic response cache: a request may get the answer to a similar earlier question.

Some of its hits are false. How many there are at each threshold is measured on pairs of one's own
questions, or stated; a budget for false hits then picks the threshold. All ratios are over the
requests asked, so hits include the false ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.caches.similarity import nearest
from tokenworks.replay.routing.draws import luck

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Kinds = NDArray[np.int8]

#: What a request gets: its own answer, that of a question that asks the same, or another's.
SERVED, TRUE_HIT, FALSE_HIT = 0, 1, 2


@dataclass(frozen=True)
class CurvePoint:
    """Share of asked requests that hit at a threshold, and of those that hit falsely."""

    threshold: float
    hit_ratio: float
    false_hit_ratio: float


def curve_of_pairs(
    held: Sequence[str], asked: Sequence[str], thresholds: Sequence[float]
) -> list[CurvePoint]:
    """Measure hits and false hits on pairs of questions that ask the same.

    Every `held` question is in the cache and each `asked` one takes its nearest; the hit is false
    where that is not the text of its own partner.

    Args:
        held: questions with answers.
        asked: at the same position, the same question in other words.
        thresholds: least cosines at which an answer is taken.
    """
    best, cosine = nearest(held, asked)
    numbers = {text: number for number, text in enumerate(held)}
    same = np.array([numbers[text] for text in held], dtype=np.int64)
    is_right = (best >= 0) & (same[best] == same)
    return [
        CurvePoint(
            threshold,
            float(((best >= 0) & (cosine >= threshold)).mean()),
            float(((best >= 0) & (cosine >= threshold) & ~is_right).mean()),
        )
        for threshold in thresholds
    ]


def exact_hits(held: Sequence[str], asked: Sequence[str]) -> int:
    """Asked questions that an exact cache of the held ones answers."""
    known = set(held)
    return sum(text in known for text in asked)


def within_budget(curve: Sequence[CurvePoint], budget: float) -> CurvePoint | None:
    """The point of most hits whose false hits keep within the budget; null where none does.

    Of several with as many hits, the one with the highest threshold.
    """
    allowed = [point for point in curve if point.false_hit_ratio <= budget]
    return max(allowed, key=lambda point: (point.hit_ratio, point.threshold), default=None)


def drawn_hits(asked: Mask, point: CurvePoint, names: pl.Series, seed: int) -> Kinds:
    """Draw which requests hit, where only ratios are known.

    Each request has one number of its own that follows from its name and the seed: a request that
    hits at some ratio hits at every higher one, whatever else is in the traffic.

    Args:
        asked: requests that the cache may answer.
        point: ratios of hits (false ones included) and of false hits.
        names: name of each request.
        seed: of the draw.

    Returns:
        `SERVED`, `TRUE_HIT` or `FALSE_HIT` per request.
    """
    number = luck(names, seed, "semantic_cache")
    kinds = np.full(len(asked), SERVED, dtype=np.int8)
    kinds[asked & (number < point.hit_ratio)] = TRUE_HIT
    kinds[asked & (number < point.false_hit_ratio)] = FALSE_HIT
    return kinds
