"""Block bootstrap over hours: how a total would vary had other hours like these come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 400


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


def resampled_quotients(counts: Ints, hour: Ints, part: Floats, divisor: Floats | None) -> Floats:
    """Sum of `part`, over the sum of `divisor` where given, in each draw."""
    hours = counts.shape[1]
    drawn = counts.astype(np.float64)
    above = drawn @ np.bincount(hour, weights=part, minlength=hours).astype(np.float64)
    if divisor is None:
        return above
    below = drawn @ np.bincount(hour, weights=divisor, minlength=hours).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def resampled_quantiles(counts: Ints, hour: Ints, part: Floats, share: float) -> Floats:
    """Quantile of `part` in each draw, centred on the interpolated quantile of the sample.

    A draw takes the nearest rank, which on few requests lies beside the interpolated value.
    """
    order = np.argsort(part, kind="stable")
    weights = np.vstack([np.ones((1, counts.shape[1]), dtype=np.int64), counts])
    values = _weighted_quantiles(weights, hour[order], part[order], share)
    centred: Floats = values[1:] - values[0] + np.quantile(part, share)
    return centred


@kernel
def _weighted_quantiles(weights: Ints, hour: Ints, ordered: Floats, share: float) -> Floats:
    draws = weights.shape[0]
    result = np.empty(draws)
    for draw in range(draws):
        total = 0
        for row in range(ordered.size):
            total += weights[draw, hour[row]]
        wanted = share * total
        passed = 0
        result[draw] = np.nan
        for row in range(ordered.size):
            passed += weights[draw, hour[row]]
            if passed >= wanted and passed > 0:
                result[draw] = ordered[row]
                break
    return result
