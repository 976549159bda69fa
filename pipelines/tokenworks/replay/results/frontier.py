"""Which points of a sweep no other point beats."""

from __future__ import annotations

from collections.abc import Sequence

RULE = (
    "A point is on the frontier where no other one costs as little or less, is as fast or faster "
    "and as good or better, and is ahead on one of the three. Quality counts only between points "
    "that both have a claim to it; between one that has and one that has not, neither wins. Where "
    "no point has one, cost and latency alone decide, and a smaller model then looks better than "
    "it may be."
)

#: Cost, latency and quality of one point; null where unknown.
Axes = tuple[float | None, float | None, float | None]


def frontier(points: Sequence[Axes]) -> list[bool]:
    """Whether each point is on the frontier; one without cost or latency never is."""
    return [
        _is_placed(one) and not any(beats(other, one) for other in points if _is_placed(other))
        for one in points
    ]


def beats(one: Axes, other: Axes) -> bool:
    """Whether a point is at least as good on every axis and better on one."""
    if (one[2] is None) != (other[2] is None):
        return False
    # Less is better on every axis once quality is turned round.
    pairs = [(one[0], other[0]), (one[1], other[1])]
    if one[2] is not None and other[2] is not None:
        pairs.append((-one[2], -other[2]))
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return all(a <= b for a, b in known) and any(a < b for a, b in known)


def _is_placed(point: Axes) -> bool:
    return point[0] is not None and point[1] is not None
