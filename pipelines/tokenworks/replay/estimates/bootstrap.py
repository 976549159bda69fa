"""Block bootstrap over hours: how a total would vary had other hours like these come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokenworks_sources.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = NDArray[np.int32]

DRAWS = 400
#: Ranks on either side of a quantile in which those of the draws are looked for first, as a share
#: of all and at least, and by how much more where one lies further off.
RANKED_SHARE, LEAST_RANKED, WIDER = 0.02, 2000, 4


def hour_counts(hours: int, seed: int, draws: int = DRAWS) -> Ints:
    """How often each hour occurs in each draw of a circular moving-block bootstrap.

    Blocks of about the cube root of the number of hours keep neighbouring hours together, so
    that bursts are not averaged away.
    """
    generator = np.random.default_rng(seed)
    length = max(1, round(hours ** (1 / 3)))
    blocks = -(-hours // length)
    starts = generator.integers(0, hours, size=(draws, blocks))
    picked = (starts[:, :, None] + np.arange(length)) % hours
    picked = picked.reshape(draws, -1)[:, :hours]
    counts = np.zeros((draws, hours), dtype=np.int64)
    np.add.at(counts, (np.arange(draws)[:, None], picked), 1)
    return counts


@dataclass(frozen=True)
class Draws:
    """Draws of hours.

    Attributes:
        counts: how often each draw (row) holds each hour (column).
    """

    counts: Ints

    @classmethod
    def of(cls, hours: int, seed: int) -> Draws:
        """The draws of so many hours."""
        return cls(hour_counts(hours, seed))

    @property
    def hours(self) -> int:
        """Number of hours."""
        return int(self.counts.shape[1])

    @cached_property
    def weights(self) -> Floats:
        """Once every hour as it was, then the draws."""
        return np.vstack([np.ones((1, self.hours)), self.counts]).astype(np.float64)

    @cached_property
    def columns(self) -> Counts:
        """The same in columns."""
        return np.ascontiguousarray(self.weights.T.astype(np.int32))


def resampled_quotients(draws: Draws, hour: Ints, part: Floats, divisor: Floats | None) -> Floats:
    """Sum of `part`, over the sum of `divisor` where given, in each draw."""
    hours, drawn = draws.hours, draws.weights[1:]
    above = drawn @ np.bincount(hour, weights=part, minlength=hours).astype(np.float64)
    if divisor is None:
        return above
    below = drawn @ np.bincount(hour, weights=divisor, minlength=hours).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def resampled_quantiles(
    draws: Draws, hour: Ints, part: Floats, share: float, known: float | None = None
) -> Floats:
    """Quantile of `part` in each draw, centred on the interpolated quantile of the sample.

    A draw takes the nearest rank, which on few requests lies beside the interpolated value. The
    quantiles of the draws lie near that of the sample, so only what is near it is ranked; where a
    draw's lies further off, more is. `known` is the interpolated quantile, where it is.
    """
    middle = float(np.quantile(part, share)) if known is None else known
    reach = max(LEAST_RANKED, round(RANKED_SHARE * part.size))
    while True:
        values = _drawn_near(draws, hour, part, share, _near(part, share, reach))
        if reach >= part.size or not np.isnan(values).any():
            break
        reach *= WIDER
    centred: Floats = values[1:] - values[0] + middle
    return centred


def _drawn_near(
    draws: Draws, hour: Ints, part: Floats, share: float, near: tuple[float, float]
) -> Floats:
    """The quantile of each draw, NaN where it lies outside of `near` or the draw is empty."""
    hours, weights = draws.hours, draws.weights
    # A draw of which nothing is wanted takes the first value that it holds.
    wanted = np.maximum(share * (weights @ np.bincount(hour, minlength=hours)), 0.5)
    below = (weights @ np.bincount(hour[part < near[0]], minlength=hours)).astype(np.int64)
    inside = np.flatnonzero((part >= near[0]) & (part <= near[1]))
    if near[0] == near[1]:
        passed = below + weights @ np.bincount(hour[inside], minlength=hours)
        return np.where((below < wanted) & (passed >= wanted), near[0], np.nan)
    ordered = inside[np.argsort(part[inside], kind="stable")]
    return _passing(draws.columns, hour[ordered], part[ordered], below, wanted)


def _near(part: Floats, share: float, reach: int) -> tuple[float, float]:
    """Values between which lie so many ranks on either side of a quantile."""
    low = max(0, int(share * part.size) - reach)
    high = min(part.size - 1, int(share * part.size) + reach)
    found = np.partition(part, (low, high))
    return float(found[low]), float(found[high])


@kernel
def _passing(weights: Counts, hour: Ints, ordered: Floats, below: Ints, wanted: Floats) -> Floats:
    """The value at which each draw has passed what is wanted of it, NaN where none is.

    Args:
        weights: how often each hour (row) occurs in each draw (column).
        hour: hour of each request.
        ordered: its value, never falling.
        below: what each draw has passed before the first of them.
        wanted: what it is to pass.
    """
    result = np.full(below.size, np.nan)
    passed = below.copy()
    for row in range(ordered.size):
        drawn = weights[hour[row]]
        for draw in range(below.size):
            before = passed[draw]
            after = before + drawn[draw]
            passed[draw] = after
            if before < wanted[draw] and after >= wanted[draw]:
                result[draw] = ordered[row]
    return result
