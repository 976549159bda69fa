"""Two results of one traffic beside each other.

Both were held against the same replay of no change. The interval of their difference is put
together from both intervals as if they erred independently, which is wider than it is where they
err alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tokenworks.replay.estimates.estimate import around, at_least
from tokenworks_sources.errors import TokenworksError


class NotComparableError(TokenworksError):
    """Results that speak of different requests."""


@dataclass(frozen=True)
class Difference:
    """One metric under both scenarios; null where either does not know it."""

    segment: str
    metric: str
    unit: str
    first: float | None
    second: float | None
    delta: float | None
    delta_p10: float | None
    delta_p50: float | None
    delta_p90: float | None
    delta_window_p10: float | None
    delta_window_p90: float | None


def compare(first: dict[str, Any], second: dict[str, Any]) -> list[Difference]:
    """The second result less the first, for every metric and segment that both have.

    Args:
        first: content of summary.json of one result.
        second: of the other.

    Raises:
        NotComparableError: other traffic, another window or another selection.
    """
    for what, one, other in (
        ("traffic", first["traffic"]["digest"], second["traffic"]["digest"]),
        ("window", first["scenario"]["window"], second["scenario"]["window"]),
        ("report_on", first["scenario"]["report_on"], second["scenario"]["report_on"]),
        ("seed", first["scenario"]["seed"], second["scenario"]["seed"]),
        ("method_version", first["method_version"], second["method_version"]),
    ):
        if one != other:
            raise NotComparableError(
                f"{first['run_id']} and {second['run_id']}: they differ in {what}, so a difference "
                "between them would not be the policies' alone. Replay both on the same traffic."
            )
    others = {(row["segment"], row["metric"]): row for row in second["metrics"]}
    return [
        _difference(row, others[row["segment"], row["metric"]])
        for row in first["metrics"]
        if (row["segment"], row["metric"]) in others
    ]


def _difference(first: dict[str, Any], second: dict[str, Any]) -> Difference:
    values = (first["scenario"], second["scenario"])
    delta = None if None in values else values[1] - values[0]
    window = around(delta or 0.0, None if delta is None else _half(first, second))
    low, mid, high = at_least(window, _interval(first, second))
    return Difference(
        segment=first["segment"],
        metric=first["metric"],
        unit=first["unit"],
        first=values[0],
        second=values[1],
        delta=delta,
        delta_p10=low,
        delta_p50=mid,
        delta_p90=high,
        delta_window_p10=window[0],
        delta_window_p90=window[1],
    )


def _half(first: dict[str, Any], second: dict[str, Any]) -> float | None:
    """Distance from the difference on the very requests that it stays within."""
    ends = [(row["delta_window_p10"], row["delta_window_p90"]) for row in (first, second)]
    if any(end is None for pair in ends for end in pair):
        return None
    return math.hypot(*((high - low) / 2 for low, high in ends))


def _interval(
    first: dict[str, Any], second: dict[str, Any]
) -> tuple[float | None, float | None, float | None]:
    keys = ("delta_p10", "delta_p50", "delta_p90")
    if any(row[key] is None for row in (first, second) for key in keys):
        return None, None, None
    (low_a, mid_a, high_a), (low_b, mid_b, high_b) = (
        tuple(float(row[key]) for key in keys) for row in (first, second)
    )
    mid = mid_b - mid_a
    below = math.hypot(mid_b - low_b, high_a - mid_a)
    above = math.hypot(high_b - mid_b, mid_a - low_a)
    return mid - below, mid, mid + above
